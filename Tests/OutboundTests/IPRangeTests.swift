import Testing

@testable import Outbound

@Suite struct IPRangeTests {
    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("10.0.0.0/8", "::ffff:10.1.2.3", true),
        ("127.0.0.1", "127.0.0.1", true), ("127.0.0.1", "127.0.0.2", false), ("172.16.0.0/12", "172.31.255.255", true),
        ("172.16.0.0/12", "172.32.0.0", false), ("fe80::/10", "fe80::1%eth0", true), ("fe80::/10", "fec0::1", false),
        ("::1", "::1", true), ("0.0.0.0/0", "1.2.3.4", true), ("0.0.0.0/0", "::1", false), ("::/0", "::1", true),
        ("::ffff:10.0.0.0/104", "10.9.9.9", true), ("::/0", "example.org", false),
    ])
    func `a range holds the addresses that share its first bits`(range: String, address: String, isIn: Bool) throws {
        #expect(try #require(IPRange(range)).contains(address) == isIn)
    }

    @Test(arguments: ["", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "::/129", "10.0.0.0/-1", "example.org"])
    func `what is no range is refused`(text: String) {
        #expect(IPRange(text) == nil)
    }
}
