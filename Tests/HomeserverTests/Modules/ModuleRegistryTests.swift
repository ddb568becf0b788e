import Homeserver
import MatrixCore
import ModuleAPI
import Testing

/// What is registered, and what is known of it.
struct ModuleRegistryTests {
    private let test = RegistryUnderTest()
    private var registry: ModuleRegistry { test.registry }

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

    // MARK: Registering

    @Test func `what is registered late is effective at once`() async throws {
        registry.closeWebResources()
        registry.register(SpamChecker(checkEventForSpam: { _ in .deny() }), of: "Late")
        await #expect(throws: MatrixError.self) { try await registry.checkEventForSpam(event()) }
    }

    @Test func `somebody waits for a callback until it is registered`() async {
        let told = Gate()
        let waiting = Task { [registry] in
            await registry.whenRegistered(.onNewEvent)
            told.open()
        }
        registry.register(SpamChecker(userMayInvite: { _, _, _ in .allow }), of: "A")
        registry.register(ThirdPartyRules(onNewEvent: { _, _ in }), of: "A")
        await told.wait()
        await waiting.value
        await registry.whenRegistered(.onNewEvent)
    }

    @Test func `each callback has a bit and a name of its own`() {
        #expect(Set(ModuleCallback.allCases.map(\.name)).count == ModuleCallback.allCases.count)
        #expect(ModuleCallback.allCases.count <= 64)
    }

    @Test func `of two controllers of background updates the first counts`() async throws {
        for (name, duration) in [("A", Duration.milliseconds(5)), ("B", .milliseconds(7))] {
            registry.register(
                BackgroundUpdateController(onUpdate: { _ in BackgroundUpdateTurn(duration: duration) }), of: name)
        }
        let turn = try await registry.onBackgroundUpdate(BackgroundUpdate(name: "u", database: "master"))
        #expect(turn?.duration == .milliseconds(5))
        #expect(test.log.all == ["warning: Module B registered a background update controller, but A has it already"])
    }

    @Test func `a second on_legacy callback is refused, with all that came with it`() throws {
        try registry.register(AccountValidity(onLegacyRenew: { _ in throw Broken() }), of: "A")
        #expect(throws: ModuleError.invalid("Tried to register on_legacy_renew twice")) {
            try registry.register(
                AccountValidity(isUserExpired: { _ in .expired }, onLegacyRenew: { _ in throw Broken() }), of: "B")
        }
        #expect(!registry.has(.isUserExpired))
    }

    @Test func `checkers of one type with different fields are refused, naming both modules`() throws {
        func provider(_ fields: [String]) -> PasswordAuthProvider {
            PasswordAuthProvider(
                authCheckers: [AuthChecker(loginType: "x.pin", fields: fields) { _, _, _ in .unknown }])
        }
        try registry.register(provider(["pin"]), of: "A")
        try registry.register(provider(["pin"]), of: "B")
        let error = #expect(throws: ModuleError.self) { try registry.register(provider(["pin", "code"]), of: "C") }
        #expect(
            error
                == .invalid(
                    #"Modules A and C ask for different fields of login type x.pin: ["pin"] and ["pin", "code"]"#))
    }

    // MARK: Web resources

    @Test func `the first resource of a path stands`() throws {
        try registry.register(WebResource("/a") { _ in .text("A") }, of: "A")
        try registry.register(WebResource("/a") { _ in .text("B") }, of: "B")
        try registry.register(WebResource("/b") { _ in .text("B") }, of: "B")
        #expect(registry.webResources.map { "\($0.module) \($0.resource.path)" } == ["A /a", "B /b"])
        #expect(test.log.all == ["warning: Module B registered the path /a, which module A has already"])
    }

    @Test func `a resource must have a path, and come before the server starts`() {
        #expect(throws: ModuleError.self) { try registry.register(WebResource("a") { _ in .text("A") }, of: "A") }
        registry.closeWebResources()
        #expect(throws: ModuleError.invalid("Tried to register a web resource from a module after startup")) {
            try registry.register(WebResource("/a") { _ in .text("A") }, of: "A")
        }
    }

    // MARK: Overview

    @Test func `the overview counts how the calls of each callback ended`() async throws {
        let calls = Mutexed(0)
        registry.add(module: "Quiet", language: .python)
        registry.register(
            SpamChecker(
                checkEventForSpam: { _ in
                    calls.update { $0 += 1 }
                    switch calls.value {
                    case 1: return .deny()
                    case 2: throw Broken()
                    default: return .allow
                    }
                }, userMayInvite: { _, _, _ in .allow }), of: "Busy")
        for _ in 1...10 { try? await registry.checkEventForSpam(event()) }
        let overview = registry.overview()
        #expect(overview.map(\.name) == ["Quiet", "Busy"])
        #expect(overview.map(\.language) == [.python, .swift])
        #expect(overview[0].callbacks.isEmpty)
        let callback = try #require(overview[1].callbacks.first)
        #expect(callback.callback == .checkEventForSpam)
        #expect([callback.calls, callback.denials, callback.failures, callback.timeouts] == [10, 1, 1, 0])
        #expect(try #require(callback.p50) <= #require(callback.p99))
        #expect(overview[1].callbacks.last?.p50 == nil)
    }
}
