import Foundation
import MatrixCore
import ModuleAPI
import Testing

@testable import PythonHost

/// What happens when the process ends, is ended, hangs or talks nonsense.
@Suite struct ModuleFaultTests {
    /// A module that does `action` the first time, and answers `{"again": true}` from then on.
    private static func once(_ action: JSONObject, _ names: String...) -> JSONObject {
        var first = action
        first["once"] = .string(temporaryPath())
        first["else"] = ["answer": ["again": true]]
        return [
            "callbacks": .array((names + [FakeHost.unsigned]).map { .string($0) }),
            "do": .object(JSONObject((names + [FakeHost.unsigned]).map { ($0, .object(first)) })),
        ]
    }

    @Test(
        arguments: [
            ["exit": 3], ["garbage": true], ["huge": 0x7FFF_FFFF], ["huge": 2],
        ] as [JSONObject])
    func `a call whose process ends is put to the next one`(_ action: JSONObject) async throws {
        try await FakeHost().run([Self.once(action)]) { fake async throws in
            #expect(try await fake.fields() == ["again": true])
            #expect(try await fake.fields() == ["again": true])
            #expect(fake.context.registered.unsigned.count == 1)
        }
    }

    @Test func `a call that ends every process fails`() async throws {
        let module = FakeHost.module(FakeHost.unsigned, do: ["exit": 1])
        try await FakeHost().run([module]) { fake async throws in
            await #expect(throws: PythonException.self) { try await fake.fields() }
        }
    }

    @Test func `a process that hangs while it is started anew is ended, and there is another`() async throws {
        var module = Self.once(["exit": 1])
        // The first process is well, the second hangs.
        module["started"] = [
            "once": .string(temporaryPath()), "answer": [:],
            "else": ["once": .string(temporaryPath()), "hang": true, "else": ["answer": [:]]],
        ]
        try await FakeHost(startTimeout: .seconds(3)).run([module]) { fake async throws in
            #expect(try await fake.fields() == ["again": true])
        }
    }

    @Test func `calls wait for the new process`() async throws {
        let fake = FakeHost()
        try await fake.run([Self.once(["exit": 1])]) { fake async throws in
            try await withThrowingTaskGroup(of: JSONObject.self) { group in
                for _ in 0..<50 { group.addTask { try await fake.fields() } }
                for try await fields in group { #expect(fields == ["again": true]) }
            }
        }
    }

    @Test func `calls that two killed processes were asked fail, and nothing else`() async throws {
        let module: JSONObject = [
            "callbacks": ["check_event_for_spam", FakeHost.unsigned.json],
            "do": ["check_event_for_spam": ["hang": true], FakeHost.unsigned: ["answer": ["fine": true]]],
        ]
        try await FakeHost().run([module]) { fake async throws in
            let check = try #require(fake.context.registered.spam.first?.checkEventForSpam)
            let hanging = (0..<20).map { _ in Task { try await check(event("$e")) } }
            var session = try await fake.host.session()
            try await eventually { session.pendingCount >= 20 }
            kill(session.process.identifier, SIGKILL)
            await session.ended()
            session = try await fake.host.session()
            try await eventually { session.pendingCount >= 20 }
            kill(session.process.identifier, SIGKILL)
            for task in hanging { await #expect(throws: PythonException.self) { try await task.value } }
            #expect(try await fake.fields() == ["fine": true])
            #expect(try await fake.host.session() !== session)
        }
    }

    @Test func `a notice that its process ended over is delivered to the next one, in order`() async throws {
        let record = temporaryPath()
        var first: JSONObject = ["exit": 1, "else": ["record": .string(record)]]
        first["once"] = .string(temporaryPath())
        try await FakeHost().run([FakeHost.module("on_new_event", do: first)]) { fake async throws in
            let tell = try #require(fake.context.registered.rules.first?.onNewEvent)
            for number in 0..<5 { try await tell(event("$\(number)"), StateMap()) }
        }
        #expect(try String(contentsOfFile: record, encoding: .utf8) == "$0\n$1\n$2\n$3\n$4\n")
    }

    @Test func `notices nobody waits for any more are delivered once there is a process again`() async throws {
        let record = temporaryPath()
        try await FakeHost().run([FakeHost.module("on_new_event", do: ["record": .string(record)])]) {
            fake async throws in
            let tell = try #require(fake.context.registered.rules.first?.onNewEvent)
            let session = try await fake.host.session()
            kill(session.process.identifier, SIGKILL)
            await session.ended()
            // Their time runs out at once.
            for number in 0..<3 {
                let task = Task { try await tell(event("$\(number)"), StateMap()) }
                task.cancel()
                _ = await task.result
            }
            try await tell(event("$3"), StateMap())
        }
        #expect(try String(contentsOfFile: record, encoding: .utf8) == "$0\n$1\n$2\n$3\n")
    }

    @Test func `a notice that is kept while the process runs is delivered to it`() async throws {
        let record = temporaryPath()
        try await FakeHost().run([FakeHost.module("on_new_event", do: ["record": .string(record)])]) {
            fake async throws in
            let registration = Registration(
                key: .init(item: 0, kind: "on_new_event", ordinal: 0), number: 0,
                label: CallLabel(module: "test", callback: "on_new_event"))
            let arguments: JSON = [["event_id": "$kept"]]
            #expect(
                fake.host.undelivered.append(
                    Notice(registration: registration, arguments: arguments.encoded(), state: nil)))
            try await eventually { (try? String(contentsOfFile: record, encoding: .utf8)) == "$kept\n" }
            try await eventually { fake.host.undelivered.count == 0 }
        }
    }

    @Test func `notices that a blocked process never read are delivered to the next one`() async throws {
        let (record, once) = (temporaryPath(), temporaryPath())
        let module: JSONObject = [
            "callbacks": ["on_new_event", FakeHost.unsigned.json],
            "do": [
                "on_new_event": ["record": .string(record)],
                FakeHost.unsigned: ["block": true, "once": .string(once), "else": ["answer": [:]]],
            ],
        ]
        try await FakeHost(callbackTimeout: .milliseconds(800)).run([module]) { fake async throws in
            let tell = try #require(fake.context.registered.rules.first?.onNewEvent)
            let blocked = Task { try await fake.fields() }
            try await eventually { FileManager.default.fileExists(atPath: once) }
            for number in 0..<2 {
                let task = Task { try await tell(event("$\(number)"), StateMap()) }
                let session = try await fake.host.session()
                try await eventually { session.pendingLabels.contains { $0.callback == "on_new_event" } }
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
            }
            // What blocked the first process is answered by the second.
            _ = try await blocked.value
            try await tell(event("$2"), StateMap())
        }
        #expect(try String(contentsOfFile: record, encoding: .utf8) == "$0\n$1\n$2\n")
    }

    @Test func `an answer that cannot be read fails its call and no other`() async throws {
        let module: JSONObject = [
            "callbacks": ["check_event_for_spam", FakeHost.unsigned.json],
            "do": ["check_event_for_spam": ["unreadable": true], FakeHost.unsigned: ["answer": ["fine": true]]],
        ]
        try await FakeHost().run([module]) { fake async throws in
            let check = try #require(fake.context.registered.spam.first?.checkEventForSpam)
            let session = try await fake.host.session()
            await #expect(throws: PythonException.self) { try await check(event("$e")) }
            #expect(try await fake.fields() == ["fine": true])
            #expect(session.isOpen)
        }
    }

    @Test func `a notice that ends every process is given up`() async throws {
        try await FakeHost().run([FakeHost.module("on_new_event", do: ["exit": 1])]) { fake async throws in
            let tell = try #require(fake.context.registered.rules.first?.onNewEvent)
            await #expect(throws: PythonException.self) { try await tell(event("$e"), StateMap()) }
        }
    }

    @Test func `a process that is blocked is ended and started anew`() async throws {
        let fake = FakeHost(callbackTimeout: .milliseconds(400))
        try await fake.run([Self.once(["block": true])]) { fake async throws in
            #expect(try await fake.fields() == ["again": true])
        }
    }

    @Test func `a process that grows too large is started anew, and calls wait for it`() async throws {
        let fake = FakeHost(callbackTimeout: .seconds(6), memoryLimit: 100 << 20)
        var module = FakeHost.module(FakeHost.unsigned, do: ["answer": ["fine": true]])
        module["rss"] = .integer(200 << 20)
        try await fake.run([module]) { fake async throws in
            let session = try await fake.host.session()
            await session.ended()
            #expect(session.endReason == "it grew too large")
            #expect(try await fake.fields() == ["fine": true])
        }
    }

    @Test func `a new process registers everything anew, and callbacks keep their places`() async throws {
        let modules = (0..<3).map { number in
            FakeHost.module(FakeHost.unsigned, do: ["answer": ["module": .integer(Int64(number))]])
        }
        try await FakeHost().run(modules) { fake async throws in
            let session = try await fake.host.session()
            session.kill("for the test")
            for (number, callbacks) in fake.context.registered.unsigned.enumerated() {
                let fields = try await callbacks.addFieldToUnsigned?(event("$e"))
                #expect(fields == ["module": .integer(Int64(number))])
            }
        }
    }

    @Test func `a callback that the new process does not have counts as no answer`() async throws {
        try await FakeHost().run([FakeHost.module("check_event_for_spam", do: ["fail": ["kind": "unregistered"]])]) {
            let check = try #require($0.context.registered.spam.first?.checkEventForSpam)
            #expect(try await check(event("$e")) == .allow)
        }
    }

    // MARK: Starting

    @Test func `faults of the configuration are told by item`() async throws {
        let fake = FakeHost()
        let faults = try await fake.host.configure([
            FakeHost.entry(0, [:]), FakeHost.entry(1, [:], module: "missing.Module"),
            FakeHost.entry(2, [:], module: "wrong.Module"),
        ])
        await fake.host.stop()
        #expect(faults.keys.sorted() == [1, 2])
        #expect(faults[1]?.path == ["modules", "<item 1>", "module"])
        let command = "axolemma python-env create -c homeserver.yaml --with missing"
        #expect(faults[1]?.causes.joined().contains(command) == true)
        #expect(faults[2]?.path == ["modules", "<item 2>", "config", "colour"])
        #expect(faults[2]?.causes == ["no such colour"])
    }

    @Test func `an interpreter that is missing is told with the command that makes one`() async throws {
        let host = PythonModules(PythonSettings(interpreter: "/nonexistent/python", server: [:]))
        let error = await #expect(throws: PythonStartError.self) { try await host.configure([FakeHost.entry(0, [:])]) }
        #expect(error?.description.contains("axolemma python-env create") == true)
        await host.stop()
    }

    @Test func `an interpreter without our package is told with the command that installs it`() async throws {
        let host = PythonModules(
            PythonSettings(interpreter: "python3", arguments: ["-m", "axolemma_host_that_is_missing"], server: [:]))
        let error = await #expect(throws: PythonStartError.self) { try await host.configure([FakeHost.entry(0, [:])]) }
        #expect(error?.description.contains("No module named") == true)
        #expect(error?.description.contains("axolemma python-env create") == true)
        await host.stop()
    }

    @Test func `the process inherits nothing but its socket, and gets the packages`() async throws {
        let settings = PythonSettings(interpreter: "python3", packagePaths: ["/ours"], server: [:])
        #expect(settings.command(environment: ["PYTHONPATH": "/theirs"]).environment["PYTHONPATH"] == "/theirs:/ours")
        #expect(settings.command(environment: [:]).environment["PYTHONPATH"] == "/ours")
        #expect(settings.command(environment: [:]).arguments == ["-m", "axolemma_host", "--fd", "3"])
    }

    @Test func `a process is stopped with the server`() async throws {
        let fake = FakeHost()
        _ = try await fake.host.configure([FakeHost.entry(0, [:])])
        _ = try await fake.host.construct(0, context: fake.context)
        let session = try await fake.host.session()
        await fake.host.stop()
        #expect(session.process.exit == .code(0))
        await #expect(throws: PythonException.self) { try await fake.host.session() }
    }
}

extension String {
    fileprivate var json: JSON { .string(self) }
}
