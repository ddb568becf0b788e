import Homeserver
import MatrixCore
import ModuleAPI
import Testing

/// Spam checkers: order, combination, denial and failure.
struct SpamCheckerQuestionsTests {
    private let test = RegistryUnderTest()
    private var registry: ModuleRegistry { test.registry }
    private let notes = Notes()

    /// Each callback that answers with a `SpamAnswer`, with the text of its denial, registered to answer so, and asked.
    enum Question: String, CaseIterable {
        case checkEventForSpam = "This message has been rejected as probable spam"
        case userMaySendStateEvent = "You are not permitted to send the state event"
        case userMayJoinRoom = "Not allowed to join this room"
        case userMayInvite = "Invites have been disabled on this server"
        case federatedUserMayInvite = "This user is not permitted to send invites to this server/user"
        case userMaySendThreepidInvite = "Cannot send threepid invite"
        case userMayCreateRoom = "You are not permitted to create rooms"
        case userMayCreateRoomAlias = "This user is not permitted to create this alias"
        case userMayPublishRoom = "This user is not permitted to publish rooms to the room list"
        case checkLoginForSpam = "Login was blocked by the server"

        func register(in registry: ModuleRegistry, _ answer: @escaping @Sendable () throws -> SpamAnswer) {
            let checker =
                switch self {
                case .checkEventForSpam: SpamChecker(checkEventForSpam: { _ in try answer() })
                case .userMaySendStateEvent: SpamChecker(userMaySendStateEvent: { _, _, _, _ in try answer() })
                case .userMayJoinRoom: SpamChecker(userMayJoinRoom: { _, _, _ in try answer() })
                case .userMayInvite: SpamChecker(userMayInvite: { _, _, _ in try answer() })
                case .federatedUserMayInvite: SpamChecker(federatedUserMayInvite: { _ in try answer() })
                case .userMaySendThreepidInvite: SpamChecker(userMaySendThreepidInvite: { _, _, _ in try answer() })
                case .userMayCreateRoom: SpamChecker(userMayCreateRoom: { _, _ in try answer() })
                case .userMayCreateRoomAlias: SpamChecker(userMayCreateRoomAlias: { _, _ in try answer() })
                case .userMayPublishRoom: SpamChecker(userMayPublishRoom: { _, _ in try answer() })
                case .checkLoginForSpam: SpamChecker(checkLoginForSpam: { _ in try answer() })
                }
            registry.register(checker, of: "Module")
        }

        func ask(_ registry: ModuleRegistry) async throws {
            switch self {
            case .checkEventForSpam: try await registry.checkEventForSpam(event())
            case .userMaySendStateEvent:
                try await registry.userMaySendStateEvent(user: alice, room: room, key: .joinRules, content: [:])
            case .userMayJoinRoom: try await registry.userMayJoinRoom(user: alice, room: room, isInvited: true)
            case .userMayInvite: try await registry.userMayInvite(inviter: alice, invitee: bob, room: room)
            case .federatedUserMayInvite:
                try await registry.federatedUserMayInvite(event(type: .member, stateKey: "@bob:test"))
            case .userMaySendThreepidInvite:
                try await registry.userMaySendThreepidInvite(
                    inviter: alice, invitee: ThreepidAddress(medium: "email", address: "a@b"), room: room)
            case .userMayCreateRoom: try await registry.userMayCreateRoom(user: alice, configuration: [:])
            case .userMayCreateRoomAlias:
                try await registry.userMayCreateRoomAlias(user: alice, alias: RoomAlias(trusted: "#a:test"))
            case .userMayPublishRoom: try await registry.userMayPublishRoom(user: alice, room: room)
            case .checkLoginForSpam: try await registry.checkLoginForSpam(LoginAttempt(user: alice))
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

    @Test func `an invite from another server is asked about by both callbacks, in one text`() async {
        registry.register(
            SpamChecker(
                userMayInvite: { [notes] inviter, invitee, room in
                    notes.add("\(inviter) invites \(invitee) to \(room)")
                    return .deny()
                },
                federatedUserMayInvite: { [notes] event in
                    notes.add(event.object.object("unsigned")?.array("invite_room_state")?.count.description ?? "-")
                    return .allow
                }), of: "A")
        let invite = event(
            type: .member, stateKey: "@bob:test", content: ["membership": "invite"],
            further: ["unsigned": ["invite_room_state": [[:]]]])
        await #expect(
            throws: MatrixError.forbidden("This user is not permitted to send invites to this server/user")
        ) { try await registry.federatedUserMayInvite(invite) }
        #expect(notes.all == ["1", "@alice:test invites @bob:test to !room:test"])
    }

    @Test func `the first module that drops an event decides`() async throws {
        #expect(try await !registry.shouldDropFederatedEvent(event()))
        registry.register(SpamChecker(shouldDropFederatedEvent: { _ in .accept }), of: "A")
        #expect(try await !registry.shouldDropFederatedEvent(event()))
        registry.register(SpamChecker(shouldDropFederatedEvent: { _ in .drop }), of: "B")
        registry.register(SpamChecker(shouldDropFederatedEvent: { _ in throw Broken() }), of: "C")
        #expect(try await registry.shouldDropFederatedEvent(event()))
    }

    @Test func `the first module that hides a user decides`() async throws {
        let bobby = DirectoryProfile(user: bob, displayName: "Bob")
        #expect(try await !registry.checkUsernameForSpam(bobby, searcher: alice))
        registry.register(SpamChecker(checkUsernameForSpam: { $1 == bob ? .hide : .show }), of: "A")
        #expect(try await !registry.checkUsernameForSpam(bobby, searcher: alice))
        registry.register(
            SpamChecker(checkUsernameForSpam: { profile, _ in profile == bobby ? .hide : .show }), of: "B")
        #expect(try await registry.checkUsernameForSpam(bobby, searcher: alice))
    }

    @Test func `a registration is denied with 429, or shadow-banned`() async throws {
        #expect(try await !registry.checkRegistrationForSpam(RegistrationAttempt()))
        registry.register(
            SpamChecker(checkRegistrationForSpam: { attempt in
                switch attempt.username {
                case "evil": .deny
                case "odd": .shadowBan
                default: .allow
                }
            }), of: "A")
        registry.register(
            SpamChecker(checkRegistrationForSpam: { $0.authProviderID == "cas" ? .deny : .allow }), of: "B")
        let denial = MatrixError(status: 429, code: .unknown, message: "Rate limited")
        #expect(try await !registry.checkRegistrationForSpam(RegistrationAttempt(username: "good")))
        let odd = RegistrationAttempt(username: "odd", authProviderID: "cas")
        #expect(try await registry.checkRegistrationForSpam(odd))
        await #expect(throws: denial) {
            try await registry.checkRegistrationForSpam(RegistrationAttempt(username: "evil"))
        }
        await #expect(throws: denial) {
            try await registry.checkRegistrationForSpam(RegistrationAttempt(authProviderID: "cas"))
        }
    }

    @Test func `a file is refused with 400 to who uploads it, with 404 and the module's code to others`() async throws {
        registry.register(
            SpamChecker(checkMediaFileForSpam: { file, info in
                try await file.bytes(at: 0, count: 4) == Array("evil".utf8)
                    ? .deny(code: "M_EVIL", fields: ["dropped": true]) : .allow
            }), of: "A")
        let file = { @Sendable (text: String) in
            MediaFile(path: "/x") { Array(text.utf8.dropFirst(Int($0)).prefix($1)) }
        }
        let info = MediaFileInfo(fileID: "x")
        try await registry.checkMediaFileForSpam(file("good"), info, isUpload: true)
        await #expect(throws: MatrixError(status: 400, code: .unknown, message: "Bad content")) {
            try await registry.checkMediaFileForSpam(file("evil"), info, isUpload: true)
        }
        await #expect(throws: MatrixError(status: 404, code: "M_EVIL", message: "Bad content")) {
            try await registry.checkMediaFileForSpam(file("evil"), info, isUpload: false)
        }
    }
}
