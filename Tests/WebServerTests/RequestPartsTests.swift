import MatrixCore
import NIOHTTP1
import Testing

@testable import WebServer

@Suite struct RequestPartsTests {
    private func head(_ uri: String, _ headers: HTTPHeaders = [:], _ method: HTTPMethod = .GET) -> RequestHead {
        RequestHead(HTTPRequestHead(version: .http1_1, method: method, uri: uri, headers: headers))
    }

    private func path(_ uri: String) -> String {
        let head = head(uri)
        return String(decoding: Array(head.uri.utf8)[head.path], as: UTF8.self)
    }

    @Test(arguments: [
        ("a%2Fb", "a/b"), ("a%2fb", "a/b"), ("%252F", "%2F"), ("100%", "100%"), ("%zz", "%zz"), ("%4", "%4"),
        ("a+b", "a+b"), ("%C3%A9", "é"), ("", ""),
    ])
    func `percent-encoding is taken off once`(encoded: String, decoded: String) {
        #expect(Percent.decodeText(encoded.utf8) == decoded)
    }

    @Test(arguments: [("a+b", "a b"), ("a%2Bb", "a+b")])
    func `a plus in a query is a space`(encoded: String, decoded: String) {
        #expect(Percent.decodeText(encoded.utf8, plusIsSpace: true) == decoded)
    }

    @Test func `bytes that are not UTF-8 do not get lost`() {
        #expect(Percent.decodeText("a%FFb".utf8) == "a\u{FFFD}b")
    }

    @Test func `query parameters are found by their decoded names`() {
        let query = head("/p?a=1&b=x%20y&a=2&c&=d&f%6fo=3").query
        #expect(Array(query.values(of: "a")) == ["1", "2"])
        #expect(Array(query.values(of: "b")) == ["x y"])
        #expect(Array(query.values(of: "c")) == [""])
        #expect(Array(query.values(of: "foo")) == ["3"])
        #expect(Array(query.values(of: "d")).isEmpty)
    }

    @Test func `the path ends where the query begins`() {
        #expect(path("/a/b?c=/d") == "/a/b")
        #expect(path("/a") == "/a")
        #expect(path("/?") == "/")
    }

    @Test func `a target with scheme and host has the same path`() {
        #expect(path("http://example.org/a?b") == "/a")
        #expect(path("https://example.org") == "")
        #expect(path("*") == "*")
        #expect(path("/a://b/c") == "/a://b/c")
    }

    @Test func `a log never shows an access token`() {
        #expect(head("/a?x=1&access_token=secret&y=2").redactedURI == "/a?x=1&access_token=<redacted>&y=2")
        #expect(head("/a?access%5Ftoken=secret").redactedURI == "/a?access_token=<redacted>")
        #expect(head("/a?x=1").redactedURI == "/a?x=1")
        #expect(head("/a").redactedURI == "/a")
    }

    @Test func `headers are known in any case`() {
        let head = head(
            "/", ["AUTHORIZATION": "Bearer t", "content-LENGTH": "12", "Expect": "100-Continue", "user-agent": "ua"])
        #expect(head.authorization == "Bearer t")
        #expect(head.contentLength == 12)
        #expect(head.expectsContinue)
        #expect(head.userAgent == "ua")
        #expect(head.keepsAlive)
    }

    @Test func `a request to speak another protocol is the last on its connection`() {
        #expect(!head("/", ["Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c"]).keepsAlive)
    }

    @Test(
        arguments: [
            ("/", ["Authorization": "Bearer abc"], "abc"), ("/?access_token=abc", [:], "abc"), ("/", [:], nil),
            ("/?access_token=", [:], nil),
        ] as [(String, HTTPHeaders, String?)])
    func `a token is in the header or the query`(uri: String, headers: HTTPHeaders, token: String?) throws {
        let head = head(uri, headers)
        #expect(try AccessToken.read(head, head.query) == token)
    }

    @Test(
        arguments: [
            ("/", ["Authorization": "Basic abc"], "Invalid Authorization header."),
            ("/", ["Authorization": "Bearer"], "Invalid Authorization header."),
            ("/", ["Authorization": "Bearer "], "Invalid Authorization header."),
            ("/", ["Authorization": "Bearer a b"], "Invalid Authorization header."),
            (
                "/", HTTPHeaders([("Authorization", "Bearer a"), ("Authorization", "Bearer a")]),
                "Too many Authorization headers."
            ),
            (
                "/?access_token=a", ["Authorization": "Bearer a"],
                "Mixing Authorization headers and access_token query parameters."
            ),
        ] as [(String, HTTPHeaders, String)])
    func `a token that is not given once and well is refused`(uri: String, headers: HTTPHeaders, message: String) {
        let head = head(uri, headers)
        #expect(throws: MatrixError(status: 401, code: .missingToken, message: message)) {
            try AccessToken.read(head, head.query)
        }
    }
}
