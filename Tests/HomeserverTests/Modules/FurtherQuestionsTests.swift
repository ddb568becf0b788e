import Homeserver
import MatrixCore
import ModuleAPI
import Testing

/// The smaller families: presence, account validity, account data, federation, limits, media, background updates.
struct FurtherQuestionsTests {
    private let test = RegistryUnderTest()
    private var registry: ModuleRegistry { test.registry }
    private let notes = Notes()

    // MARK: Presence

    private func registerRouter(
        _ module: String, states: @escaping PresenceRouter.GetUsersForStates = { _ in [:] },
        interest: @escaping PresenceRouter.GetInterestedUsers = { _ in .users([]) }
    ) {
        registry.register(PresenceRouter(getUsersForStates: states, getInterestedUsers: interest), of: module)
    }

    @Test func `presence goes to everybody any module names`() async throws {
        let states = [UserPresenceState(user: alice, state: .online), UserPresenceState(user: bob)]
        #expect(try await registry.getUsersForStates(states).isEmpty)
        registerRouter("A", states: { [alice: [$0[0]]] })
        registerRouter("B", states: { _ in throw Broken() })
        registerRouter("C", states: { [alice: [$0[1]], bob: [$0[0]]] })
        #expect(try await registry.getUsersForStates(states) == [alice: Set(states), bob: [states[0]]])
        #expect(test.log.all == ["warning: Module B failed in get_users_for_states: Broken()"])
    }

    @Test func `interests add up, and the first in everybody ends it`() async throws {
        #expect(try await registry.getInterestedUsers(alice) == .users([]))
        registerRouter("A", interest: { _ in .users([alice]) })
        registerRouter("B", interest: { _ in throw Broken() })
        registerRouter("C", interest: { $0 == bob ? .all : .users([bob]) })
        registerRouter(
            "D",
            interest: { [notes] user in
                notes.add(user.string)
                return .users([])
            })
        #expect(try await registry.getInterestedUsers(alice) == .users([alice, bob]))
        #expect(try await registry.getInterestedUsers(bob) == .all)
        #expect(notes.all == ["@alice:test"])
    }

    // MARK: Account validity

    @Test func `the first module that knows decides whether an account has expired`() async throws {
        #expect(try await registry.isUserExpired(alice) == nil)
        try registry.register(AccountValidity(isUserExpired: { $0 == alice ? .valid : .unknown }), of: "A")
        try registry.register(AccountValidity(isUserExpired: { $0 == carol ? .unknown : .expired }), of: "B")
        #expect(try await registry.isUserExpired(alice) == false)
        #expect(try await registry.isUserExpired(bob) == true)
        #expect(try await registry.isUserExpired(carol) == nil)
    }

    @Test func `an error of account validity fails the request`() async throws {
        try registry.register(
            AccountValidity(
                isUserExpired: { _ in throw Broken() }, onUserRegistration: { _ in throw MatrixError.forbidden("no") },
                onUserLogin: { _, _, _ in throw Broken() }), of: "A")
        await #expect(throws: MatrixError.internalError) { try await registry.isUserExpired(alice) }
        await #expect(throws: MatrixError.forbidden("no")) { try await registry.onUserRegistration(alice) }
        await #expect(throws: MatrixError.internalError) {
            try await registry.onUserLogin(alice, type: nil, providerID: nil)
        }
    }

    @Test func `modules hear of registrations and logins in order`() async throws {
        for name in ["A", "B"] {
            try registry.register(
                AccountValidity(
                    onUserRegistration: { [notes] user in notes.add("\(name) \(user)") },
                    onUserLogin: { [notes] user, type, provider in
                        notes.add("\(name) \(user) \(type ?? "-") \(provider ?? "-")")
                    }), of: name)
        }
        try await registry.onUserRegistration(alice)
        try await registry.onUserLogin(bob, type: "m.login.password", providerID: nil)
        #expect(
            notes.all == [
                "A @alice:test", "B @alice:test", "A @bob:test m.login.password -", "B @bob:test m.login.password -",
            ])
    }

    @Test func `the legacy pages are a module's, if there is one`() async throws {
        let request = AccountValidityRequest(administrator: requester(admin: true), body: ["user_id": "@a:test"])
        #expect(try await registry.onLegacySendMail(alice) == false)
        #expect(try await registry.onLegacyRenew(token: "t") == nil)
        #expect(try await registry.onLegacyAdminRequest(request) == nil)
        let renewal = AccountRenewal(isValid: true, isStale: false, expiresAt: Timestamp(milliseconds: 5))
        try registry.register(
            AccountValidity(
                onLegacySendMail: { _ in }, onLegacyRenew: { _ in renewal },
                onLegacyAdminRequest: { _ in Timestamp(milliseconds: 7) }), of: "A")
        #expect(try await registry.onLegacySendMail(alice))
        #expect(try await registry.onLegacyRenew(token: "t") == renewal)
        #expect(try await registry.onLegacyAdminRequest(request) == Timestamp(milliseconds: 7))
    }

    // MARK: Account data and federation

    @Test func `everybody is told of account data and deliveries, whatever the others throw`() async {
        for name in ["A", "B"] {
            registry.register(
                AccountDataCallbacks(onAccountDataUpdated: { [notes] user, room, type, content in
                    notes.add("\(name) \(user) \(room?.string ?? "-") \(type) \(content.isEmpty)")
                    throw Broken()
                }), of: name)
            registry.register(
                FederationCallbacks(onEventDeliveredOverFederation: { [notes] delivery in
                    notes.add("\(name) \(delivery.server) \(delivery.method.rawValue) \(delivery.events.count)")
                    throw MatrixError.internalError
                }), of: name)
        }
        await registry.onAccountDataUpdated(user: alice, room: nil, type: "x", content: [:])
        let other = ServerName(trusted: "other")
        await registry.onEventDeliveredOverFederation(
            FederatedDelivery(server: other, events: [event()], method: .backfill))
        await registry.onEventDeliveredOverFederation(FederatedDelivery(server: other, events: [], method: .send))
        #expect(
            notes.all == [
                "A @alice:test - x true", "B @alice:test - x true", "A other /backfill 1", "B other /backfill 1",
            ])
        #expect(test.log.all.count == 4)
        #expect(test.log.all.allSatisfy { $0.hasPrefix("error: ") })
    }

    // MARK: Limits and fields

    @Test func `the first module with a limit decides`() async throws {
        #expect(try await registry.getRatelimitOverride(for: alice, limiter: "rc_invites.per_room") == nil)
        let limit = RateLimitOverride(perSecond: 0.1, burstCount: 10)
        registry.register(RateLimitCallbacks(getRatelimitOverrideForUser: { _, _ in nil }), of: "A")
        registry.register(
            RateLimitCallbacks(getRatelimitOverrideForUser: { $1 == "rc_invites.per_room" ? limit : nil }), of: "B")
        #expect(try await registry.getRatelimitOverride(for: alice, limiter: "rc_invites.per_room") == limit)
        #expect(try await registry.getRatelimitOverride(for: alice, limiter: "rc_invites.per_user") == nil)
        registry.register(RateLimitCallbacks(getRatelimitOverrideForUser: { _, _ in throw Broken() }), of: "C")
        await #expect(throws: MatrixError.internalError) {
            try await registry.getRatelimitOverride(for: alice, limiter: "rc_invites.per_user")
        }
    }

    @Test func `unsigned fields are merged, and the later module wins`() async throws {
        #expect(try await registry.extraUnsignedFields(of: event()).isEmpty)
        registry.register(ExtraUnsignedFields { _ in ["a": 1, "b": 1] }, of: "A")
        registry.register(ExtraUnsignedFields { ["b": 2, "id": .string($0.eventID.string)] }, of: "B")
        #expect(try await registry.extraUnsignedFields(of: event()) == ["a": 1, "b": 2, "id": "$event"])
        registry.register(ExtraUnsignedFields { _ in throw Broken() }, of: "C")
        await #expect(throws: MatrixError.internalError) { try await registry.extraUnsignedFields(of: event()) }
    }

    // MARK: Media

    @Test func `the first module with something to say tells of the media repository`() async throws {
        #expect(try await registry.getMediaConfig(for: alice) == nil)
        for (name, answer) in [("A", nil), ("B", [:]), ("C", ["x": 1]), ("D", ["x": 2])] as [(String, JSONObject?)] {
            registry.register(MediaRepositoryCallbacks(getMediaConfigForUser: { _ in answer }), of: name)
        }
        #expect(try await registry.getMediaConfig(for: alice) == ["x": 1])
    }

    @Test func `an upload is refused by the first module that denies its size`() async throws {
        try await registry.isUserAllowedToUploadMedia(of: 5, by: alice)
        registry.register(
            MediaRepositoryCallbacks(isUserAllowedToUploadMediaOfSize: { $1 > 4 ? .deny : .allow }), of: "A")
        try await registry.isUserAllowedToUploadMedia(of: 4, by: alice)
        await #expect(
            throws: MatrixError(status: 413, code: .tooLarge, message: "Upload request body is too large")
        ) { try await registry.isUserAllowedToUploadMedia(of: 5, by: alice) }
    }

    @Test func `upload limits are the first module's, the longest period first`() async throws {
        let day = MediaUploadLimit(maximumBytes: 5000, period: .seconds(86_400))
        let week = MediaUploadLimit(maximumBytes: 15_000, period: .seconds(604_800))
        registry.register(
            MediaRepositoryCallbacks(getMediaUploadLimitsForUser: { $0 == bob ? [] : nil }), of: "A")
        registry.register(
            MediaRepositoryCallbacks(getMediaUploadLimitsForUser: { $0 == alice ? [day, week] : nil }), of: "B")
        #expect(try await registry.getMediaUploadLimits(for: alice) == [week, day])
        #expect(try await registry.getMediaUploadLimits(for: bob) == [])
        #expect(try await registry.getMediaUploadLimits(for: carol) == nil)
    }

    @Test func `modules hear of an upload that is too much, and may fail the request`() async {
        registry.register(
            MediaRepositoryCallbacks(onMediaUploadLimitExceeded: { [notes] user, upload in
                notes.add("\(user) \(upload.sentBytes) \(upload.attemptedBytes)")
            }), of: "A")
        registry.register(
            MediaRepositoryCallbacks(onMediaUploadLimitExceeded: { _, _ in throw MatrixError.forbidden("no") }), of: "B"
        )
        let limit = MediaUploadLimit(maximumBytes: 5000, period: .seconds(86_400))
        await #expect(throws: MatrixError.forbidden("no")) {
            try await registry.onMediaUploadLimitExceeded(
                alice, ExceedingUpload(limit: limit, sentBytes: 3000, attemptedBytes: 4000))
        }
        #expect(notes.all == ["@alice:test 3000 4000"])
    }

    // MARK: Background updates

    @Test func `work is paced by the controller, if there is one`() async throws {
        let update = BackgroundUpdate(name: "test_update", database: "master")
        #expect(try await registry.onBackgroundUpdate(update)?.duration == nil)
        #expect(try await registry.defaultBatchSize(of: update) == nil)
        registry.register(
            BackgroundUpdateController(
                onUpdate: { [notes] update in
                    notes.add("enter \(update.name) \(update.database) \(update.isOneShot)")
                    return BackgroundUpdateTurn(duration: .milliseconds(9)) { notes.add("exit") }
                }, defaultBatchSize: { _ in 20 }, minimumBatchSize: { _ in 0 }), of: "A")
        let turn = try #require(try await registry.onBackgroundUpdate(update))
        #expect(turn.duration == .milliseconds(9))
        try await turn.onEnd()
        #expect(notes.all == ["enter test_update master false", "exit"])
        #expect(try await registry.defaultBatchSize(of: update) == 20)
        #expect(try await registry.minimumBatchSize(of: update) == 1)
    }

    @Test func `a controller that fails holds nothing up`() async throws {
        registry.register(
            BackgroundUpdateController(onUpdate: { _ in throw Broken() }, defaultBatchSize: { _ in throw Broken() }),
            of: "A")
        let update = BackgroundUpdate(name: "u", database: "master")
        #expect(try await registry.onBackgroundUpdate(update)?.duration == nil)
        #expect(try await registry.defaultBatchSize(of: update) == nil)
        #expect(test.log.all.count == 2)
    }
}

/// Somebody who is neither Alice nor Bob.
private let carol = UserID(trusted: "@carol:test")
