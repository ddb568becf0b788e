import Testing

@testable import ServerConfiguration

@Suite struct UnitsTests {
    @Test(arguments: [
        ("250", Duration.milliseconds(250)), ("10ms", .milliseconds(10)), ("30s", .seconds(30)), ("5m", .seconds(300)),
        ("2h", .seconds(7200)), ("5d", .seconds(432_000)), ("1w", .seconds(604_800)), ("1y", .seconds(31_536_000)),
        ("0s", .zero),
    ])
    func `durations are numbers with a unit, or milliseconds`(text: String, duration: Duration) {
        #expect(Units.duration(text) == duration)
    }

    @Test(arguments: ["", "s", "5 m", "-1s", "1.5h", "5M", "5mm", "99999999999y", "５m"])
    func `what is no duration is refused`(text: String) {
        #expect(Units.duration(text) == nil)
    }

    @Test(arguments: [
        ("100", 100), ("1K", 1024), ("10M", 10 << 20), ("2G", 2 << 30), ("1T", 1 << 40), ("500MiB", 500 << 20),
        ("87KiB", 87 << 10), ("5B", 5),
    ])
    func `sizes are numbers with a unit, or bytes`(text: String, size: Int) {
        #expect(Units.size(text) == size)
    }

    @Test(arguments: ["", "M", "10 M", "-1M", "1.5M", "10MB", "99999999999T"])
    func `what is no size is refused`(text: String) {
        #expect(Units.size(text) == nil)
    }
}
