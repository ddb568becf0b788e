import Homeserver
import MatrixCore
import ModuleAPI
import ModuleTesting
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
            guard try await context.rooms.state(of: room)[.create] != nil else { throw Broken() }
            _ = try await context.rooms.send(
                NewEvent(type: .message, roomID: room, sender: alice, content: ["body": "up"]))
            try context.register(WebResource("/_synapse/client/busy") { _ in .text("busy") })
            context.log.info("ready")
        }
    }

    private let loader = ModuleLoader(linked: [Sample.self, Busy.self])

    /// The entries of a `modules:` section.
    private func entries(_ modules: (name: String, configuration: JSON?)...) -> [ModuleLoader.Entry] {
        modules.enumerated().map { item, module in
            ModuleLoader.Entry(
                module.name, configuration: module.configuration, path: ["modules", "<item \(item)>"])
        }
    }

    // MARK: Configuration

    @Test func `no modules are fine`() async throws {
        #expect(try await loader.prepare([]).isEmpty)
        #expect(!loader.needsForeignHost([]))
    }

    @Test(
        arguments: [
            ("Sample", "x", "config", "expected a mapping"),
            ("my.python.Module", nil, "module", "Unknown module 'my.python.Module'"),
            ("/nowhere/x.so", nil, "module", "Failed to load module '/nowhere/x.so'"),
            ("Sample", ["bad": []], "config", "Failed to parse config for module 'Sample'"),
            ("Sample", ["bad": ["a", "<item 3>"]], "config.a.<item 3>", "Failed to parse config for module 'Sample'"),
            ("Sample", ["broken": true], "config", "Failed to parse config for module 'Sample'"),
        ] as [(String, JSON?, String, String)])
    func `an error names the place`(name: String, configuration: JSON?, path: String, message: String) async throws {
        let entries = entries(("Sample", nil), (name, configuration))
        let error = await #expect(throws: ModuleConfigurationErrors.self) { try await loader.prepare(entries) }
        #expect(error?.errors.map { $0.path.joined(separator: ".") } == ["modules.<item 1>.\(path)"])
        #expect(error?.errors.map(\.message) == [message])
    }

    @Test func `an error prints place, message and cause, one after the other`() async {
        let entries = entries(("Sample", ["bad": ["a"]]), ("busy", nil), ("Sample", 1))
        let error = await #expect(throws: ModuleConfigurationErrors.self) { try await loader.prepare(entries) }
        #expect(
            error.map { "\($0)" } == """
                Error in configuration at 'modules.<item 0>.config.a':
                  Failed to parse config for module 'Sample'
                    that is bad
                Error in configuration at 'modules.<item 2>.config':
                  expected a mapping
                """)
    }

    // MARK: Foreign modules

    /// Runs modules of another language, which do what their names say.
    private struct ForeignHost: ForeignModuleHost {
        let notes = Notes()

        func configure(_ entries: [(item: Int, entry: ModuleLoader.Entry)]) async -> [Int: ModuleConfigurationError] {
            notes.add("configure \(entries.map { "\($0.item) \($0.entry.name)" })")
            return entries.reduce(into: [:]) { faults, element in
                if element.entry.name == "a.Bad" {
                    faults[element.item] = ModuleConfigurationError("bad thing", path: element.entry.path)
                }
            }
        }

        func construct(_ item: Int, context: any ModuleContext) async throws -> String {
            notes.add("construct \(item)")
            context.register(SpamChecker(checkEventForSpam: { _ in .deny(fields: ["item": .integer(Int64(item))]) }))
            return "<a.Module object>"
        }
    }

    @Test func `modules of other languages keep their place in the order`() async throws {
        let test = RegistryUnderTest()
        let host = ForeignHost()
        let loader = ModuleLoader(linked: [Sample.self, Busy.self], foreign: host)
        let entries = entries(("a.First", nil), ("Sample", nil), ("b.Second", ["x": 1]))
        #expect(loader.needsForeignHost(entries))
        let modules = try await loader.prepare(entries)
        #expect(modules.map(\.language) == [.python, .swift, .python])
        try await load(modules, test)
        #expect(host.notes.all == [#"configure ["0 a.First", "2 b.Second"]"#, "construct 0", "construct 2"])
        #expect(
            test.log.all == [
                "info: Loaded module <a.Module object>", "info: Loaded module Sample",
                "info: Loaded module <a.Module object>",
            ])
        let error = await #expect(throws: MatrixError.self) { try await test.registry.checkEventForSpam(event()) }
        #expect(error?.fields == ["item": 0])
        #expect(test.registry.overview().map(\.name) == ["a.First", "Sample", "b.Second"])
    }

    @Test func `what is wrong with modules of other languages is told in its place`() async {
        let loader = ModuleLoader(linked: [Sample.self], foreign: ForeignHost())
        let entries = entries(("a.Bad", nil), ("Sample", 1), ("a.Bad", nil))
        let error = await #expect(throws: ModuleConfigurationErrors.self) { try await loader.prepare(entries) }
        #expect(error?.errors.map { $0.path[1] } == ["<item 0>", "<item 1>", "<item 2>"])
    }

    // MARK: Loading

    private func load(
        _ modules: [ModuleLoader.Prepared], _ test: RegistryUnderTest, server: TestServer = TestServer()
    ) async throws {
        try await test.registry.load(
            modules, context: { test.context($0.name, language: $0.language, server: server) }, log: test.logger)
    }

    @Test func `modules are made in order, each with its configuration`() async throws {
        let test = RegistryUnderTest()
        let modules = try await loader.prepare(entries(("Sample", ["n": 1]), ("Sample", .null), ("Sample", nil)))
        try await load(modules, test)
        #expect(test.log.all == Array(repeating: "info: Loaded module Sample", count: 3))
        let error = await #expect(throws: MatrixError.self) { try await test.registry.checkEventForSpam(event()) }
        #expect(error?.fields == ["n": 1])
    }

    @Test func `a module that cannot be made stops the start`() async throws {
        let test = RegistryUnderTest()
        let modules = try await loader.prepare(entries(("Sample", ["unmade": true]), ("Sample", nil)))
        let error = await #expect(throws: ModuleStartError.self) { try await load(modules, test) }
        #expect(error?.module == "Sample")
        #expect(error?.cause is Broken)
        #expect(test.log.all.isEmpty)
    }

    @Test func `a module may use the server while it is made`() async throws {
        let test = RegistryUnderTest()
        let server = TestServer()
        server.rooms.add(event(type: .create, stateKey: ""))
        try await load(try await loader.prepare(entries(("busy", nil))), test, server: server)
        #expect(server.rooms.sent.map(\.content) == [["body": "up"]])
        #expect(test.registry.webResources.map(\.module) == ["busy"])
        #expect(test.log.all == ["info: ready", "info: Loaded module busy"])
    }

    @Test func `a context tells its own users from others`() {
        let context = RegistryUnderTest().context()
        #expect(context.isMine(alice))
        #expect(context.isMine(room))
        #expect(!context.isMine(UserID(trusted: "@alice:test.example")))
        #expect(!context.isMine(RoomID(trusted: "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM")))
        #expect(context.qualifiedUserID("carol")?.string == "@carol:test")
        #expect(context.qualifiedUserID("@dave:elsewhere")?.string == "@dave:elsewhere")
        #expect(context.qualifiedUserID("@dave") == nil)
    }

    @Test func `a module's background calls carry its name`() {
        let server = TestServer()
        RegistryUnderTest().context("Tea", server: server).background.run(named: "brew") {}
        #expect(server.background.pending == ["Tea: brew"])
    }
}
