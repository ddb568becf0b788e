import Homeserver
import MatrixCore
import ModuleAPI
import Testing

/// Third-party rules: order, combination, denial and failure.
struct ThirdPartyRulesQuestionsTests {
    private let test = RegistryUnderTest()
    private var registry: ModuleRegistry { test.registry }
    private let notes = Notes()

    // MARK: check_event_allowed

    private func registerRule(
        _ name: String, _ answer: @escaping @Sendable (Event, StateMap) async throws -> EventAnswer
    ) {
        registry.register(
            ThirdPartyRules(checkEventAllowed: { [notes] event, state in
                notes.add(name)
                return try await answer(event, state)
            }), of: name)
    }

    @Test func `check_event_allowed asks all in order while they allow`() async throws {
        registerRule("first") { _, _ in .allow }
        registerRule("second") { _, _ in .allow }
        #expect(try await registry.checkEventAllowed(event(), state: StateMap()) == .allow)
        #expect(notes.all == ["first", "second"])
    }

    @Test func `check_event_allowed stops at the first denial`() async {
        registerRule("first") { _, _ in .deny() }
        registerRule("second") { _, _ in .allow }
        await #expect(
            throws: MatrixError(status: 403, code: .forbidden, message: "This event is not allowed in this context")
        ) { try await registry.checkEventAllowed(event(), state: StateMap()) }
        #expect(notes.all == ["first"])
    }

    @Test func `check_event_allowed stops at the first replacement, which later modules do not see`() async throws {
        registerRule("first") { event, _ in
            var object = event.object
            object["content"] = ["x": "y"]
            return .replace(object)
        }
        registerRule("second") { _, _ in .deny() }
        let verdict = try await registry.checkEventAllowed(event(), state: StateMap())
        guard case .replace(let object) = verdict else {
            Issue.record("expected a replacement")
            return
        }
        #expect(object["content"] == ["x": "y"])
        #expect(notes.all == ["first"])
    }

    @Test func `check_event_allowed reads the state it asks for`() async throws {
        let create = event(type: .create, stateKey: "")
        registerRule("first") { _, state in
            let found = try await state[.create]
            let missing = try await state[.powerLevels]
            return found != nil && missing == nil ? .allow : .deny()
        }
        #expect(try await registry.checkEventAllowed(event(), state: StateMap([.create: create])) == .allow)
    }

    @Test func `check_event_allowed may deny in its own words`() async {
        registerRule("first") { _, _ in .deny(.forbidden("No links here")) }
        await #expect(throws: MatrixError.forbidden("No links here")) {
            try await registry.checkEventAllowed(event(), state: StateMap())
        }
    }

    @Test func `an error in check_event_allowed refuses the event with 500`() async {
        registerRule("first") { _, _ in throw Broken() }
        await #expect(throws: MatrixError.internalError) {
            try await registry.checkEventAllowed(event(), state: StateMap())
        }
    }

    // MARK: on_create_room

    @Test func `on_create_room edits the request, one module after the other`() async throws {
        for name in ["first", "second"] {
            registry.register(
                ThirdPartyRules(onCreateRoom: { requester, request, isAdmin in
                    request["by"] = .array(
                        (request.array("by") ?? []) + [.string("\(name) \(requester.user) \(isAdmin)")])
                }), of: name)
        }
        let request = try await registry.onCreateRoom(requester: requester(), request: ["name": "Den"], isAdmin: true)
        #expect(request == ["name": "Den", "by": ["first @alice:test true", "second @alice:test true"]])
    }

    @Test func `on_create_room refuses with the module's own MatrixError`() async {
        let error = MatrixError(status: 400, code: "M_X", message: "no")
        registry.register(ThirdPartyRules(onCreateRoom: { _, _, _ in throw error }), of: "A")
        registry.register(ThirdPartyRules(onCreateRoom: { [notes] _, _, _ in notes.add("asked") }), of: "B")
        await #expect(throws: error) {
            try await registry.onCreateRoom(requester: requester(), request: [:], isAdmin: false)
        }
        #expect(notes.all.isEmpty)
    }

    @Test func `any other error in on_create_room is 403 M_UNKNOWN`() async {
        registry.register(ThirdPartyRules(onCreateRoom: { _, _, _ in throw Broken() }), of: "A")
        await #expect(
            throws: MatrixError(
                status: 403, code: .unknown, message: "Room creation forbidden with these parameters")
        ) { try await registry.onCreateRoom(requester: requester(), request: [:], isAdmin: false) }
    }

    // MARK: on_new_event

    @Test func `on_new_event tells everyone, whatever the others throw`() async {
        for name in ["first", "second", "third"] {
            registry.register(
                ThirdPartyRules(onNewEvent: { [notes] _, _ in
                    notes.add(name)
                    if name == "first" { throw Broken() }
                    if name == "second" { throw MatrixError.forbidden("no") }
                }), of: name)
        }
        await registry.onNewEvent(event(), state: StateMap())
        #expect(notes.all == ["first", "second", "third"])
        #expect(test.log.all.count == 2)
    }

    // MARK: Yes or no

    /// The callbacks that answer yes or no, with the error of a denial and the level at which failures are logged.
    enum Rule: CaseIterable {
        case threepid, newRoom, publishing, shutdown, deactivation

        var denial: MatrixError {
            switch self {
            case .threepid: .forbidden("This third-party identifier can not be invited in this room")
            case .newRoom: MatrixError(status: 403, code: .unknown, message: "Room visibility value not allowed.")
            case .publishing: MatrixError(status: 403, code: .unknown, message: "Not allowed to publish room")
            case .shutdown: .forbidden("Shutdown of this room is forbidden")
            case .deactivation: .forbidden("Deactivation of this user is forbidden")
            }
        }

        var level: String {
            switch self {
            case .threepid, .newRoom, .publishing: "warning"
            case .shutdown, .deactivation: "error"
            }
        }

        func register(in registry: ModuleRegistry, _ answer: @escaping @Sendable () throws -> RuleAnswer) {
            let rules =
                switch self {
                case .threepid: ThirdPartyRules(checkThreepidCanBeInvited: { _, _ in try answer() })
                case .newRoom, .publishing: ThirdPartyRules(checkVisibilityCanBeModified: { _, _, _ in try answer() })
                case .shutdown: ThirdPartyRules(checkCanShutdownRoom: { _, _ in try answer() })
                case .deactivation: ThirdPartyRules(checkCanDeactivateUser: { _, _ in try answer() })
                }
            registry.register(rules, of: "Module")
        }

        func ask(_ registry: ModuleRegistry) async throws {
            switch self {
            case .threepid:
                try await registry.checkThreepidCanBeInvited(
                    ThreepidAddress(medium: "email", address: "a@b"), state: StateMap())
            case .newRoom, .publishing:
                try await registry.checkVisibilityCanBeModified(
                    room: room, state: StateMap(), newVisibility: .public, isNewRoom: self == .newRoom)
            case .shutdown: try await registry.checkCanShutdownRoom(user: nil, room: room)
            case .deactivation: try await registry.checkCanDeactivateUser(alice, byAdmin: false)
            }
        }
    }

    @Test(arguments: Rule.allCases)
    func `a denial has the callback's own error, and ends it`(rule: Rule) async throws {
        try await rule.ask(registry)
        rule.register(in: registry) { .allow }
        try await rule.ask(registry)
        rule.register(in: registry) { .deny }
        rule.register(in: registry) { [notes] in
            notes.add("asked")
            return .allow
        }
        await #expect(throws: rule.denial) { try await rule.ask(registry) }
        #expect(notes.all.isEmpty)
    }

    @Test(arguments: Rule.allCases)
    func `a module that fails allows, and the next is asked`(rule: Rule) async throws {
        rule.register(in: registry) { throw Broken() }
        rule.register(in: registry) { throw MatrixError.forbidden("no") }
        rule.register(in: registry) { [notes] in
            notes.add("asked")
            return .allow
        }
        try await rule.ask(registry)
        #expect(notes.all == ["asked"])
        #expect(test.log.all.count == 2)
        #expect(test.log.all.allSatisfy { $0.hasPrefix("\(rule.level): Module Module failed in check_") })
    }

    // MARK: What modules are told

    @Test func `modules are told of accounts, whatever the others throw`() async {
        for name in ["first", "second"] {
            let note = { @Sendable [notes] (text: String) throws in
                notes.add("\(name) \(text)")
                throw Broken()
            }
            registry.register(
                ThirdPartyRules(
                    onProfileUpdate: { user, profile, byAdmin, isDeactivation in
                        try note("profile \(user) \(profile.displayName ?? "-") \(byAdmin) \(isDeactivation)")
                    },
                    onUserDeactivationStatusChanged: { try note("status \($0) \($1) \($2)") },
                    onAddUserThirdPartyIdentifier: { try note("add \($0) \($1.medium) \($1.address)") },
                    onRemoveUserThirdPartyIdentifier: { try note("remove \($0) \($1.address)") },
                    onThreepidBind: { try note("bind \($0) \($1.address)") }), of: name)
        }
        let threepid = ThreepidAddress(medium: "email", address: "a@b")
        await registry.onProfileUpdate(
            alice, profile: UserProfile(displayName: "Al"), byAdmin: true, isDeactivation: false)
        await registry.onUserDeactivationStatusChanged(alice, isDeactivated: true, byAdmin: false)
        await registry.onAddUserThirdPartyIdentifier(alice, threepid)
        await registry.onRemoveUserThirdPartyIdentifier(alice, threepid)
        let expected = [
            "profile @alice:test Al true false", "status @alice:test true false", "add @alice:test email a@b",
            "bind @alice:test a@b", "remove @alice:test a@b",
        ]
        #expect(notes.all == expected.flatMap { ["first \($0)", "second \($0)"] })
        #expect(test.log.all.count == 10)
    }
}
