import Homeserver
import MatrixCore
import ModuleAPI
import Testing

/// Order, combination and denial, callback by callback.
struct ModuleRegistryTests {
    private let test = RegistryUnderTest()
    private var registry: ModuleRegistry { test.registry }
    private let notes = Notes()

    // MARK: Nothing registered

    @Test func `with nobody registered everything is allowed and nothing is measured`() async throws {
        #expect(!registry.needsDraft)
        #expect(!registry.hasOnNewEvent)
        for callback in ModuleCallback.allCases { #expect(!registry.has(callback)) }

        let untouchable = StateMap(load: { _ in throw Broken() }, loadAll: { throw Broken() })
        try await registry.checkEventForSpam(event())
        try await registry.userMayJoinRoom(user: alice, room: room, isInvited: false)
        try await registry.userMayInvite(inviter: alice, invitee: bob, room: room)
        try await registry.userMayCreateRoom(user: alice, configuration: [:])
        #expect(try await registry.checkEventAllowed(event(), state: untouchable) == .allow)
        #expect(try await registry.onCreateRoom(requester: requester(), request: ["a": 1], isAdmin: false) == ["a": 1])
        await registry.onNewEvent(event(), state: untouchable)
        #expect(test.timings.value.isEmpty)
    }

    @Test func `registering one callback brings only that one about`() {
        registry.register(SpamChecker(userMayInvite: { _, _, _ in .allow }), of: "A")
        #expect(ModuleCallback.allCases.filter(registry.has) == [.userMayInvite])
        #expect(!registry.needsDraft)
    }

    @Test func `a spam checker or check_event_allowed calls for a draft`() {
        let (first, second) = (RegistryUnderTest().registry, RegistryUnderTest().registry)
        first.register(SpamChecker(checkEventForSpam: { _ in .allow }), of: "A")
        second.register(ThirdPartyRules(checkEventAllowed: { _, _ in .allow }), of: "A")
        #expect(first.needsDraft)
        #expect(second.needsDraft)
    }

    @Test func `once frozen the registry takes no more and says so`() {
        registry.freeze()
        registry.register(SpamChecker(checkEventForSpam: { _ in .deny() }), of: "Late")
        #expect(!registry.has(.checkEventForSpam))
        #expect(
            test.log.all == [
                "error: Module Late registered callbacks outside its initializer; they will not be called"
            ])
    }

    // MARK: Spam checker

    /// Each spam checker callback with the text of its denial, registered to answer so, and asked.
    enum Question: String, CaseIterable {
        case checkEventForSpam = "This message has been rejected as probable spam"
        case userMayJoinRoom = "Not allowed to join this room"
        case userMayInvite = "Invites have been disabled on this server"
        case userMayCreateRoom = "You are not permitted to create rooms"

        func register(in registry: ModuleRegistry, _ answer: @escaping @Sendable () throws -> SpamAnswer) {
            let checker =
                switch self {
                case .checkEventForSpam: SpamChecker(checkEventForSpam: { _ in try answer() })
                case .userMayJoinRoom: SpamChecker(userMayJoinRoom: { _, _, _ in try answer() })
                case .userMayInvite: SpamChecker(userMayInvite: { _, _, _ in try answer() })
                case .userMayCreateRoom: SpamChecker(userMayCreateRoom: { _, _ in try answer() })
                }
            registry.register(checker, of: "Module")
        }

        func ask(_ registry: ModuleRegistry) async throws {
            switch self {
            case .checkEventForSpam: try await registry.checkEventForSpam(event())
            case .userMayJoinRoom: try await registry.userMayJoinRoom(user: alice, room: room, isInvited: true)
            case .userMayInvite: try await registry.userMayInvite(inviter: alice, invitee: bob, room: room)
            case .userMayCreateRoom: try await registry.userMayCreateRoom(user: alice, configuration: [:])
            }
        }
    }

    @Test(arguments: Question.allCases)
    func `if all allow, all are asked in order`(question: Question) async throws {
        for name in ["first", "second", "third"] {
            question.register(in: registry) { [notes] in
                notes.add(name)
                return .allow
            }
        }
        try await question.ask(registry)
        #expect(notes.all == ["first", "second", "third"])
    }

    @Test(arguments: Question.allCases)
    func `the first denial ends it`(question: Question) async {
        question.register(in: registry) { .allow }
        question.register(in: registry) { .deny() }
        question.register(in: registry) { [notes] in
            notes.add("asked")
            return .deny(code: "M_OTHER")
        }
        await #expect(throws: MatrixError(status: 403, code: .forbidden, message: question.rawValue)) {
            try await question.ask(registry)
        }
        #expect(notes.all.isEmpty)
    }

    @Test(arguments: Question.allCases)
    func `a denial may bring its own code, text and fields`(question: Question) async throws {
        question.register(in: registry) {
            .deny(code: "ORG.EXAMPLE", message: "No.", fields: ["error": "Really no.", "why": 7])
        }
        let error = await #expect(throws: MatrixError.self) { try await question.ask(registry) }
        #expect(error?.status == 403)
        #expect(error?.body == ["errcode": "ORG.EXAMPLE", "error": "Really no.", "why": 7])
    }

    @Test(arguments: Question.allCases)
    func `a MatrixError reaches the client as it is`(question: Question) async {
        let error = MatrixError(status: 429, code: .unknown, message: "message", fields: ["nasty": "very"])
        question.register(in: registry) { throw error }
        await #expect(throws: error) { try await question.ask(registry) }
        #expect(test.log.all.isEmpty)
    }

    @Test(arguments: Question.allCases)
    func `any other error denies with 500 and is logged`(question: Question) async {
        question.register(in: registry) { throw Broken() }
        await #expect(throws: MatrixError.internalError) { try await question.ask(registry) }
        #expect(test.log.all.count == 1)
        #expect(test.log.all.first?.hasPrefix("error: Module Module failed in ") == true)
    }

    @Test func `spam checkers see what they are asked about`() async throws {
        registry.register(
            SpamChecker(
                checkEventForSpam: { [notes] event in
                    notes.add(event.content.string("body") ?? "")
                    return .allow
                },
                userMayJoinRoom: { [notes] user, room, isInvited in
                    notes.add("\(user) joins \(room) \(isInvited)")
                    return .allow
                },
                userMayInvite: { [notes] inviter, invitee, room in
                    notes.add("\(inviter) invites \(invitee) to \(room)")
                    return .allow
                },
                userMayCreateRoom: { [notes] user, configuration in
                    notes.add("\(user) creates \(configuration.string("name") ?? "")")
                    return .allow
                }), of: "A")
        try await registry.checkEventForSpam(event(content: ["body": "text"]))
        try await registry.userMayJoinRoom(user: alice, room: room, isInvited: true)
        try await registry.userMayInvite(inviter: alice, invitee: bob, room: room)
        try await registry.userMayCreateRoom(user: alice, configuration: ["name": "Den"])
        #expect(
            notes.all == [
                "text", "@alice:test joins !room:test true", "@alice:test invites @bob:test to !room:test",
                "@alice:test creates Den",
            ])
    }

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
}
