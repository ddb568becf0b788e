import Foundation
import Logging
import MatrixCore
import Testing

@testable import App

@Suite struct LogFormatTests {
    let record = LogRecord(
        time: LogTime(seconds: 1_795_237_810, nanoseconds: 123_456_789), level: .warning, label: "axolemma.rooms",
        message: "Hello \"you\"\n", metadata: ["request": "PUT-7", "room": "!r", "list": ["a", "b"]],
        file: "Homeserver/Rooms/Send.swift", function: "send(_:)", line: 42, outputs: [0])

    func line(_ format: LogFormat, _ record: LogRecord? = nil) -> String {
        var bytes: [UInt8] = []
        var clock = LogClock()
        format.append(record ?? self.record, to: &bytes, clock: &clock)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func `the standard format is Synapse's`() {
        let time = LogClock.text(of: 1_795_237_810, format: "%Y-%m-%d %H:%M:%S", utc: false)
        #expect(
            line(.standard)
                == "\(time),123 - axolemma.rooms - 42 - WARNING - PUT-7 - Hello \"you\"\n [list=[\"a\", \"b\"] room=!r]\n"
        )
    }

    @Test func `a record outside any request is Synapse's sentinel`() {
        var other = record
        other.metadata = [:]
        #expect(line(.text(LogPattern("%(request)s %(message)s")), other) == "sentinel Hello \"you\"\n\n")
    }

    @Test(arguments: [
        ("%(levelname)-10s|", "WARNING   |\n"), ("%(levelname)10s|", "   WARNING|\n"), ("%(lineno)05d", "00042\n"),
        ("%(levelno)s", "30\n"),
        ("%(filename)s %(module)s %(pathname)s", "Send.swift Send Homeserver/Rooms/Send.swift\n"),
        ("%(created)f", "1795237810.123456\n"), ("%(msecs)03d", "123\n"), ("%(funcName)s", "send(_:)\n"),
        ("100%% %(name)s %(", "100% axolemma.rooms %(\n"), ("%(room)s%(site_tag)s.", "!r.\n"),
        ("%(name)q", "%(name)q\n"),
    ])
    func `fields of Python's formats are filled in`(format: String, expected: String) {
        #expect(line(.text(LogPattern(format))) == expected)
    }

    @Test func `a date format is strftime's`() {
        let year = LogClock.text(of: 1_795_237_810, format: "%Y", utc: false)
        #expect(line(.text(LogPattern("%(asctime)s", dateFormat: "%Y"))) == "\(year)\n")
    }

    @Test func `JSON has the time only where asked for`() throws {
        #expect(
            line(.json(withTime: true))
                == #"{"log":"Hello \"you\"\n","namespace":"axolemma.rooms","level":"WARNING","time":1795237810.12,"list":["a","b"],"#
                + "\"request\":\"PUT-7\",\"room\":\"!r\"}\n")
        let object = try JSONObject.parse(Array(line(.json(withTime: false)).utf8.dropLast()))
        #expect(Array(object.keys) == ["log", "namespace", "level", "list", "request", "room"])
    }
}
