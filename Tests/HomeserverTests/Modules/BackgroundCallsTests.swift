import Homeserver
import Logging
import ModuleAPI
import Synchronization
import Testing

struct BackgroundCallsTests {
    private let log = Notes()
    private let notes = Notes()

    /// A service whose sleeps last until the test ends them.
    private func service(_ sleeps: Sleeps) -> BackgroundCallsService {
        BackgroundCallsService(
            log: Logger(label: "modules") { [log] _ in NotingLogHandler(notes: log) },
            sleep: { try await sleeps.sleep($0) })
    }

    @Test func `a loop waits, calls, and goes on after an error`() async {
        let sleeps = Sleeps()
        let service = service(sleeps)
        let called = AsyncStream<Int>.makeStream()
        let count = Mutexed(0)
        service.loop(every: .seconds(60), named: "loop") {
            count.update { $0 += 1 }
            called.continuation.yield(count.value)
            if count.value == 1 { throw Broken() }
        }
        var calls = called.stream.makeAsyncIterator()
        for number in 1...3 {
            await sleeps.end()
            #expect(await calls.next() == number)
        }
        await service.stop()
        #expect(log.all == ["error: Background call 'loop' failed: Broken()"])
    }

    @Test func `a call that is canceled is not made`() async {
        let sleeps = Sleeps()
        let service = service(sleeps)
        service.call(after: .seconds(60), named: "once") { [notes] in notes.add("called") }.cancel()
        await service.stop()
        #expect(notes.all.isEmpty)
    }

    @Test func `a call is made after its delay, once`() async {
        let sleeps = Sleeps()
        let service = service(sleeps)
        let done = Gate()
        service.call(after: .seconds(60), named: "once") { [notes] in
            notes.add("called")
            done.open()
        }
        await sleeps.end()
        await done.wait()
        await service.stop()
        #expect(notes.all == ["called"])
    }

    @Test func `what runs when the server stops is canceled and waited for, silently`() async {
        let service = service(Sleeps())
        let begun = Gate()
        service.run(named: "long") { [notes] in
            begun.open()
            do { try await Task.sleep(for: .seconds(3600)) } catch {
                notes.add("canceled")
                throw error
            }
        }
        await begun.wait()
        await service.stop()
        #expect(notes.all == ["canceled"])
        #expect(log.all.isEmpty)
    }

    @Test func `a server that has stopped makes no calls`() async {
        let service = service(Sleeps())
        await service.stop()
        service.run(named: "late") { [notes] in notes.add("called") }
        await service.stop()
        #expect(notes.all.isEmpty)
    }
}

/// Sleeps that last until the test ends one.
private final class Sleeps: Sendable {
    private let (ends, end) = AsyncStream<Void>.makeStream()
    private let (begins, begin) = AsyncStream<Void>.makeStream()

    func sleep(_ duration: Duration) async throws {
        begin.yield()
        for await _ in ends { break }
        try Task.checkCancellation()
    }

    /// Waits until somebody sleeps, and wakes them.
    func end() async {
        for await _ in begins { break }
        end.yield()
    }
}
