import MatrixCore
import Storage
import Testing

@testable import Homeserver

@Suite struct RateLimiterTests {
    private let time = ManualTime()

    private func limiter(_ limit: RateLimit, for action: LimitedAction = .message) -> RateLimiter {
        var settings = RateLimitSettings.unlimited
        settings[action] = limit
        return RateLimiter(settings: settings, time: time.source)
    }

    @Test func `a burst is allowed and the next use is told how long to wait`() async throws {
        let limiter = limiter(RateLimit(perSecond: 0.5, burst: 3))
        for _ in 0..<3 { try limiter.check(.message, key: "a") }
        let error = try await errorOfRefusal { try limiter.check(.message, key: "a") }
        #expect(error.status == 429)
        #expect(error.code == .limitExceeded)
        #expect(error.message == "Too Many Requests")
        #expect(error.fields["retry_after_ms"] == 2000)
        #expect(error.headers == [MatrixError.HeaderField("Retry-After", "2")])
    }

    @Test func `after the promised wait one use is allowed, and no more`() async throws {
        let limiter = limiter(RateLimit(perSecond: 0.3, burst: 2))
        for _ in 0..<2 { try limiter.check(.message, key: "a") }
        let error = try await errorOfRefusal { try limiter.check(.message, key: "a") }
        time.advance(by: .milliseconds(try #require(error.fields.integer("retry_after_ms"))))
        try limiter.check(.message, key: "a")
        #expect(try await errorOfRefusal { try limiter.check(.message, key: "a") }.status == 429)
    }

    @Test func `refused uses do not push the end of the wait away`() async throws {
        let limiter = limiter(RateLimit(perSecond: 1, burst: 1))
        try limiter.check(.message, key: "a")
        for _ in 0..<50 { _ = try await errorOfRefusal { try limiter.check(.message, key: "a") } }
        time.advance(by: .seconds(1))
        try limiter.check(.message, key: "a")
    }

    @Test func `keys and actions are counted apart`() throws {
        var settings = RateLimitSettings.unlimited
        settings[.message] = RateLimit(perSecond: 1, burst: 1)
        settings[.roomCreation] = RateLimit(perSecond: 1, burst: 1)
        let limiter = RateLimiter(settings: settings, time: time.source)
        try limiter.check(.message, key: "a")
        try limiter.check(.message, key: "b")
        try limiter.check(.roomCreation, key: "a")
        try limiter.check(.invitesPerRoom, key: "a")
        try limiter.check(.invitesPerRoom, key: "a")
    }

    @Test func `a peek counts nothing`() async throws {
        let limiter = limiter(RateLimit(perSecond: 1, burst: 1))
        for _ in 0..<5 { try limiter.peek(.message, key: "a") }
        try limiter.check(.message, key: "a")
        #expect(try await errorOfRefusal { try limiter.peek(.message, key: "a") }.status == 429)
    }

    @Test func `an override of 0 exempts a user, another one replaces the limit of messages`() async throws {
        let limiter = limiter(RateLimit(perSecond: 1, burst: 1))
        let free = Requester(user: UserID(trusted: "@free:x"), device: nil, accountNumber: 1)
        let slow = Requester(user: UserID(trusted: "@slow:x"), device: nil, accountNumber: 2)
        limiter.setOverride(RateLimitOverride(messagesPerSecond: 0, burstCount: 0), for: free.user)
        limiter.setOverride(RateLimitOverride(messagesPerSecond: 1, burstCount: 3), for: slow.user)
        for _ in 0..<10 { try limiter.check(.message, key: "f", for: free) }
        for _ in 0..<3 { try limiter.check(.message, key: "s", for: slow) }
        #expect(try await errorOfRefusal { try limiter.check(.message, key: "s", for: slow) }.status == 429)
    }

    @Test func `what has drained is forgotten`() throws {
        let limiter = limiter(RateLimit(perSecond: 100, burst: 10))
        for number in 0..<20_000 {
            try limiter.check(.message, key: "key \(number)")
            time.advance(by: .milliseconds(20))
        }
        #expect(limiter.bucketCount < 1000)
    }

    @Test func `the defaults are Synapse's`() {
        let settings = RateLimitSettings()
        #expect(settings[.message] == RateLimit(perSecond: 0.2, burst: 10))
        #expect(settings[.loginAccount] == RateLimit(perSecond: 0.003, burst: 5))
        #expect(settings[.joinsRemote] == RateLimit(perSecond: 0.01, burst: 10))
        #expect(settings[.adminRedaction] == nil)
    }
}
