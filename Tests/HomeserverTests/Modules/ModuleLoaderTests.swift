import Homeserver
import MatrixCore
import ModuleAPI
import Testing

struct ModuleLoaderTests {
    /// Notes what it is given; refuses a configuration with a `bad` option.
    private struct Sample: Module {
        static let notes = Mutexed<[String]>([])

        static func parseConfiguration(_ object: JSONObject) throws -> JSONObject {
            if let path = object.array("bad") {
                var error = ConfigurationError("that is bad")
                error.path = path.compactMap(\.stringValue)
                throw error
            }
            if object.contains("broken") { throw Broken() }
            return object
        }

        init(configuration: JSONObject, context: any ModuleContext) async throws {
            if configuration.contains("unmade") { throw Broken() }
            context.register(SpamChecker(checkEventForSpam: { _ in .deny(fields: configuration) }))
        }
    }

    /// Uses the server from its initializer.
    private struct Busy: Module {
        static let name = "busy"

        init(configuration: JSONObject, context: any ModuleContext) async throws {
            guard try await context.roomState(room)[.create] != nil else { throw Broken() }
            _ = try await context.createAndSendEventIntoRoom(
                NewEvent(type: .message, roomID: room, sender: alice, content: ["body": "up"]))
            context.log.info("ready")
        }
    }

    private let loader = ModuleLoader(linked: [Sample.self, Busy.self])
    private let server = ServerName(trusted: "test")

    @Test(arguments: [nil, .null, .array([])] as [JSON?])
    func `no modules are fine`(section: JSON?) throws {
        #expect(try loader.prepare(section).isEmpty)
    }

    @Test(
        arguments: [
            ("x", "modules", "expected a list"),
            (["x"], "modules.<item 0>", "expected a mapping"),
            ([["module": "Sample"], ["config": [:]]], "modules.<item 1>.module", "expected a string"),
            ([["module": 1]], "modules.<item 0>.module", "expected a string"),
            ([["module": "Sample", "config": "x"]], "modules.<item 0>.config", "expected a mapping"),
            ([["module": "my.python.Module"]], "modules.<item 0>.module", "Unknown module 'my.python.Module'"),
            ([["module": "/nowhere/x.so"]], "modules.<item 0>.module", "Failed to load module '/nowhere/x.so'"),
            (
                [["module": "Sample", "config": ["bad": []]]], "modules.<item 0>.config",
                "Failed to parse config for module 'Sample'"
            ),
            (
                [["module": "Sample"], ["module": "Sample", "config": ["bad": ["a", "<item 3>"]]]],
                "modules.<item 1>.config.a.<item 3>", "Failed to parse config for module 'Sample'"
            ),
            (
                [["module": "Sample", "config": ["broken": true]]], "modules.<item 0>.config",
                "Failed to parse config for module 'Sample'"
            ),
        ] as [(JSON, String, String)])
    func `an error names the place`(section: JSON, path: String, message: String) {
        let error = #expect(throws: ModuleConfigurationError.self) { try loader.prepare(section) }
        #expect(error?.path.joined(separator: ".") == path)
        #expect(error?.message == message)
    }

    @Test func `an error prints place, message and cause`() {
        let error = #expect(throws: ModuleConfigurationError.self) {
            try loader.prepare([["module": "Sample", "config": ["bad": ["a"]]]])
        }
        #expect(
            error.map { "\($0)" } == """
                Error in configuration at 'modules.<item 0>.config.a':
                  Failed to parse config for module 'Sample'
                    that is bad
                """)
    }

    @Test func `an unknown module is told apart from one that Python would run`() {
        let error = #expect(throws: ModuleConfigurationError.self) { try loader.prepare([["module": "a.B"]]) }
        #expect(
            error?.causes == [
                "A Swift plug-in's path ends in '.so'; linked in: Sample, busy. "
                    + "Python modules come with a later version of Axolemma."
            ])
    }

    @Test func `modules are made in order, each with its configuration, and the registry is frozen`() async throws {
        let test = RegistryUnderTest()
        let modules = try loader.prepare([
            ["module": "Sample", "config": ["n": 1]], ["module": "Sample", "config": .null], ["module": "Sample"],
        ])
        try await test.registry.load(modules, serverName: server, host: FakeHost(), log: test.logger)
        #expect(test.log.all == Array(repeating: "info: Loaded module Sample", count: 3))
        let error = await #expect(throws: MatrixError.self) { try await test.registry.checkEventForSpam(event()) }
        #expect(error?.fields == ["n": 1])
        test.registry.register(SpamChecker(userMayInvite: { _, _, _ in .deny() }), of: "Late")
        #expect(!test.registry.has(.userMayInvite))
    }

    @Test func `a module that cannot be made stops the start`() async throws {
        let test = RegistryUnderTest()
        let modules = try loader.prepare([["module": "Sample", "config": ["unmade": true]], ["module": "Sample"]])
        await #expect(throws: Broken.self) {
            try await test.registry.load(modules, serverName: server, host: FakeHost(), log: test.logger)
        }
        #expect(test.log.all.isEmpty)
    }

    @Test func `a module may use the server while it is made`() async throws {
        let test = RegistryUnderTest()
        let host = FakeHost(state: [.create: event(type: .create, stateKey: "")])
        let modules = try loader.prepare([["module": "busy"]])
        try await test.registry.load(modules, serverName: server, host: host, log: test.logger)
        #expect(host.sent.value.map(\.content) == [["body": "up"]])
        #expect(test.log.all == ["info: ready", "info: Loaded module busy"])
    }

    @Test func `membership events have a path of their own`() async {
        let test = RegistryUnderTest()
        let context = HostedModuleContext(
            module: "A", serverName: server, registry: test.registry, host: FakeHost(), log: test.logger)
        let error = await #expect(throws: MatrixError.self) {
            try await context.createAndSendEventIntoRoom(
                NewEvent(type: .member, roomID: room, sender: alice, content: [:], stateKey: "@alice:test"))
        }
        #expect(error?.status == 500)
        #expect(error?.message == "Tried to send member event through non-member codepath")
    }

    @Test func `a context tells its own users from others`() {
        let test = RegistryUnderTest()
        let context = HostedModuleContext(
            module: "A", serverName: server, registry: test.registry, host: FakeHost(), log: test.logger)
        #expect(context.isMine(alice))
        #expect(context.isMine(room))
        #expect(!context.isMine(UserID(trusted: "@alice:test.example")))
        #expect(!context.isMine(RoomID(trusted: "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM")))
        #expect(context.qualifiedUserID("carol")?.string == "@carol:test")
        #expect(context.qualifiedUserID("@dave:elsewhere")?.string == "@dave:elsewhere")
        #expect(context.qualifiedUserID("@dave") == nil)
    }
}
