import Homeserver
import MatrixCore
import ModuleAPI
import Testing

/// Deadlines, cancellation and timing of callbacks.
struct CallbackRunnerTests {
    @Test func `a callback that takes too long fails the request with 500 and is cancelled`() async {
        let test = RegistryUnderTest(timeout: .milliseconds(5))
        let (wasCancelled, ended) = (Mutexed(false), Gate())
        test.registry.register(
            SpamChecker(checkEventForSpam: { _ in
                defer { ended.open() }
                do { try await Task.sleep(for: .seconds(3600)) } catch { wasCancelled.update { $0 = true } }
                return .allow
            }), of: "Slow")
        await #expect(throws: MatrixError.internalError) { try await test.registry.checkEventForSpam(event()) }
        #expect(
            test.log.all == ["error: Module Slow failed in check_event_for_spam: no answer within 0.005 s"])
        #expect(test.timings.value.map(\.outcome) == [.timedOut])
        await ended.wait()
        #expect(wasCancelled.value)
    }

    @Test func `a callback that does not heed its cancellation is left behind`() async {
        let test = RegistryUnderTest(timeout: .milliseconds(5))
        let gate = Gate()
        test.registry.register(
            SpamChecker(checkEventForSpam: { _ in
                await gate.wait()
                return .allow
            }), of: "Stuck")
        await #expect(throws: MatrixError.internalError) { try await test.registry.checkEventForSpam(event()) }
        gate.open()
    }

    @Test func `a callback that blocks its thread past the deadline counts as too slow`() async {
        let test = RegistryUnderTest(timeout: .zero)
        test.registry.register(SpamChecker(checkEventForSpam: { _ in .allow }), of: "Busy")
        await #expect(throws: MatrixError.internalError) { try await test.registry.checkEventForSpam(event()) }
        #expect(test.timings.value.map(\.outcome) == [.timedOut])
    }

    @Test func `a slow on_create_room refuses as if it had thrown`() async {
        let test = RegistryUnderTest(timeout: .milliseconds(5))
        test.registry.register(
            ThirdPartyRules(onCreateRoom: { _, _, _ in try await Task.sleep(for: .seconds(3600)) }), of: "Slow")
        await #expect(
            throws: MatrixError(
                status: 403, code: .unknown, message: "Room creation forbidden with these parameters")
        ) { try await test.registry.onCreateRoom(requester: requester(), request: [:], isAdmin: false) }
    }

    @Test func `a slow on_new_event does not keep the next module waiting for ever`() async {
        let test = RegistryUnderTest(timeout: .milliseconds(5))
        let notes = Notes()
        test.registry.register(
            ThirdPartyRules(onNewEvent: { _, _ in try await Task.sleep(for: .seconds(3600)) }), of: "Slow")
        test.registry.register(ThirdPartyRules(onNewEvent: { _, _ in notes.add("told") }), of: "Next")
        await test.registry.onNewEvent(event(), state: StateMap())
        #expect(notes.all == ["told"])
    }

    @Test func `a callback that suspends and comes back in time is heard`() async throws {
        let test = RegistryUnderTest()
        test.registry.register(
            SpamChecker(checkEventForSpam: { _ in
                await Task.yield()
                return .deny()
            }), of: "Thoughtful")
        await #expect(throws: MatrixError.self) { try await test.registry.checkEventForSpam(event()) }
        #expect(test.timings.value.map(\.outcome) == [.denied])
    }

    @Test func `a client that hangs up does not interrupt the callback`() async {
        let test = RegistryUnderTest()
        let (entered, leave, notes) = (Gate(), Gate(), Notes())
        test.registry.register(
            SpamChecker(checkEventForSpam: { _ in
                entered.open()
                await leave.wait()
                notes.add(Task.isCancelled ? "cancelled" : "finished")
                return .allow
            }), of: "A")
        test.registry.register(
            SpamChecker(checkEventForSpam: { _ in
                notes.add("asked")
                return .allow
            }), of: "B")
        let request = Task { try await test.registry.checkEventForSpam(event()) }
        await entered.wait()
        request.cancel()
        leave.open()
        await #expect(throws: CancellationError.self) { try await request.value }
        #expect(notes.all == ["finished"])
        #expect(test.timings.value.map(\.outcome) == [.ok])
        #expect(test.log.all.isEmpty)
    }

    @Test func `a module may be called again from inside its callback`() async throws {
        let test = RegistryUnderTest()
        let notes = Notes()
        test.registry.register(
            SpamChecker(checkEventForSpam: { [registry = test.registry] event in
                notes.add(event.type.string)
                if event.type == .message { try await registry.checkEventForSpam(Self.topic) }
                return .allow
            }), of: "A")
        try await test.registry.checkEventForSpam(event())
        #expect(notes.all == ["m.room.message", "m.room.topic"])
    }

    private static let topic = event(type: .topic, stateKey: "")

    @Test func `every call is measured under its module and callback`() async throws {
        let test = RegistryUnderTest()
        test.registry.register(SpamChecker(checkEventForSpam: { _ in .allow }), of: "A")
        test.registry.register(SpamChecker(checkEventForSpam: { _ in throw Broken() }), of: "B")
        try? await test.registry.checkEventForSpam(event())
        let timings = test.timings.value
        #expect(timings.map(\.module) == ["A", "B"])
        #expect(timings.map(\.callback) == [.checkEventForSpam, .checkEventForSpam])
        #expect(timings.map(\.outcome) == [.ok, .failed])
        #expect(timings.allSatisfy { $0.duration > .zero })
    }
}
