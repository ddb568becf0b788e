import Foundation
import Logging
import Testing

@testable import App

@Suite struct LogSystemTests {
    func file(_ path: String, _ rotation: LogTarget.LogRotation = .never, level: Logger.Level = .trace)
        -> LogPlan.Output
    {
        LogPlan.Output(
            target: LogTarget(kind: .file(path: path, rotation)),
            format: .text(LogPattern("%(levelname)s %(message)s")),
            level: level)
    }

    func logger(_ system: LogSystem, _ label: String = "axolemma.test") -> Logger {
        Logger(label: label) { system.handler(label: $0) }
    }

    @Test func `records reach the outputs that want them, in order`() throws {
        let directory = try TemporaryDirectory()
        let plan = LogPlan(
            outputs: [file(directory.path + "/all"), file(directory.path + "/bad", level: .error)],
            root: LogPlan.Branch(level: .info, outputs: [0, 1]))
        let system = try LogSystem(plan)
        var logger = logger(system)
        logger[metadataKey: "a"] = "1"
        logger.debug("no")
        logger.info("one")
        logger.error("two", metadata: ["b": "2"])
        system.flush()
        #expect(try directory.read("all") == "INFO one [a=1]\nERROR two [a=1 b=2]\n")
        #expect(try directory.read("bad") == "ERROR two [a=1 b=2]\n")
    }

    @Test func `what is not logged is not made`() throws {
        let directory = try TemporaryDirectory()
        let system = try LogSystem(
            LogPlan(outputs: [file(directory.path + "/a")], root: LogPlan.Branch(level: .warning, outputs: [0])))
        var made = 0
        func message() -> Logger.Message {
            made += 1
            return "x"
        }
        logger(system).info(message())
        #expect(made == 0)
    }

    @Test func `the thread writes by itself`() async throws {
        let directory = try TemporaryDirectory()
        let writer = try LogWriter([file(directory.path + "/a")])
        writer.start()
        for number in 0..<1000 { writer.append(record("\(number)")) }
        let expected = (0..<1000).map { "INFO \($0)\n" }.joined()
        let deadline = ContinuousClock.now + .seconds(20)
        while try directory.read("a") != expected, ContinuousClock.now < deadline { await Task.yield() }
        #expect(try directory.read("a") == expected)
    }

    @Test func `a flood is cut off and counted`() throws {
        let directory = try TemporaryDirectory()
        let writer = try LogWriter([file(directory.path + "/a")], capacity: 3)
        for number in 0..<10 { writer.append(record("\(number)")) }
        writer.flush()
        writer.append(record("after"))
        writer.flush()
        #expect(
            try directory.read("a")
                == "INFO 0\nINFO 1\nINFO 2\nERROR 7 log lines were dropped, as they came faster than they could be written\n"
                + "INFO after\n")
    }

    @Test func `reopening follows a file that was moved`() throws {
        let directory = try TemporaryDirectory()
        let writer = try LogWriter([file(directory.path + "/a")])
        writer.append(record("old"))
        writer.flush()
        try FileManager.default.moveItem(atPath: directory.path + "/a", toPath: directory.path + "/a.1")
        writer.append(record("still old"))
        #expect(writer.reopen().isEmpty)
        writer.append(record("new"))
        writer.flush()
        #expect(try directory.read("a.1") == "INFO old\nINFO still old\n")
        #expect(try directory.read("a") == "INFO new\n")
    }

    @Test func `a file that cannot be opened again stays as it was`() throws {
        let directory = try TemporaryDirectory()
        let inner = directory.path + "/d"
        try FileManager.default.createDirectory(atPath: inner, withIntermediateDirectories: true)
        let writer = try LogWriter([file(inner + "/a")])
        try FileManager.default.moveItem(atPath: inner, toPath: directory.path + "/e")
        #expect(writer.reopen().count == 1)
        writer.append(record("kept"))
        writer.flush()
        #expect(try directory.read("e/a") == "INFO kept\n")
    }

    @Test func `a watched file is opened again by itself`() throws {
        let directory = try TemporaryDirectory()
        let writer = try LogWriter([file(directory.path + "/a", .watched)])
        try FileManager.default.moveItem(atPath: directory.path + "/a", toPath: directory.path + "/a.1")
        writer.append(record("new"))
        writer.flush()
        #expect(try directory.read("a") == "INFO new\n")
    }

    @Test func `files are moved before they grow too large`() throws {
        let directory = try TemporaryDirectory()
        let writer = try LogWriter([file(directory.path + "/a", .bySize(bytes: 25, backups: 2))])
        for number in 0..<10 { writer.append(record("\(number)")) }  // 7 bytes each, 3 to a file
        writer.flush()
        #expect(try directory.names == ["a", "a.1", "a.2"])
        #expect(try directory.read("a") == "INFO 9\n")
        #expect(try directory.read("a.1") == "INFO 6\nINFO 7\nINFO 8\n")
    }

    @Test func `files are moved when their time is over`() throws {
        let directory = try TemporaryDirectory()
        let period = try #require(LogPeriod(when: "H", interval: 1, utc: true))
        let writer = try LogWriter([file(directory.path + "/a", .byTime(period, backups: 2))])
        let start = LogTime.now().seconds
        for hour in 0..<5 { writer.append(record("\(hour)", at: start + hour * 3601)) }
        writer.flush()
        #expect(try directory.names.count == 3)
        #expect(try directory.read("a") == "INFO 4\n")
    }

    @Test func `a file that cannot be opened is an error`() {
        #expect(throws: LogOutputError.self) { try LogWriter([file("/nowhere/at/all.log")]) }
    }

    func record(_ message: String, at seconds: Int = 0) -> LogRecord {
        LogRecord(
            time: LogTime(seconds: seconds, nanoseconds: 0), level: .info, label: "test", message: message,
            metadata: [:],
            file: "", function: "", line: 0, outputs: [0])
    }
}

@Suite struct LogPeriodTests {
    @Test(arguments: [
        ("midnight", 1, "2026-11-21 05:10:00", "2026-11-22 00:00:00", "2026-11-21"),
        ("MIDNIGHT", 2, "2026-11-21 00:00:00", "2026-11-23 00:00:00", "2026-11-21"),
        ("W0", 1, "2026-11-21 05:10:00", "2026-11-23 00:00:00", "2026-11-16"),
        ("W5", 1, "2026-11-21 05:10:00", "2026-11-28 00:00:00", "2026-11-21"),
        ("D", 1, "2026-11-21 05:10:00", "2026-11-22 05:10:00", "2026-11-21"),
        ("h", 6, "2026-11-21 05:10:00", "2026-11-21 11:10:00", "2026-11-21_05"),
        ("M", 5, "2026-11-21 05:10:00", "2026-11-21 05:15:00", "2026-11-21_05-10"),
        ("s", 10, "2026-11-21 05:10:00", "2026-11-21 05:10:10", "2026-11-21_05-10-00"),
    ])
    func `periods end and are named as Python has it`(
        when: String, interval: Int, now: String, end: String, name: String
    ) throws {
        let formatter = DateFormatter()
        formatter.dateFormat = "yyyy-MM-dd HH:mm:ss"
        formatter.timeZone = TimeZone(identifier: "UTC")
        let period = try #require(LogPeriod(when: when, interval: interval, utc: true))
        let start = Int(try #require(formatter.date(from: now)).timeIntervalSince1970)
        let found = period.end(after: start)
        #expect(formatter.string(from: Date(timeIntervalSince1970: Double(found))) == end)
        #expect(period.name(ofPeriodEnding: found) == name)
        #expect(period.isName(name) && !period.isName("x" + name) && !period.isName(String(name.dropLast()) + "x"))
    }

    @Test(arguments: ["noon", "W7", "W", ""]) func `other times are refused`(when: String) {
        #expect(LogPeriod(when: when, interval: 1, utc: true) == nil)
    }
}
