public import MatrixCore
public import ModuleAPI
import Synchronization

/// Other servers that are not there: requests are recorded, and answered as the test says.
public final class TestHTTP: HTTPClient {
    private struct State {
        var requests: [HTTPRequest] = []
        var answer: (@Sendable (HTTPRequest) async throws -> HTTPResponse)?
    }

    private let contents = Mutex(State())

    init() {}

    /// What modules sent, in order.
    public var requests: [HTTPRequest] { contents.withLock { $0.requests } }

    /// Answers requests with what `body` gives; without one they fail.
    public func answer(_ body: @escaping @Sendable (HTTPRequest) async throws -> HTTPResponse) {
        contents.withLock { $0.answer = body }
    }

    public func send(_ request: HTTPRequest) async throws -> HTTPResponse {
        let answer = contents.withLock { state in
            state.requests.append(request)
            return state.answer
        }
        guard let answer else { throw HTTPClientError.failed("The test answers no requests") }
        return try await answer(request)
    }
}

/// Web resources.
extension TestContext {
    /// Sends a request to what the module registered, as a client would.
    ///
    /// What the handler throws comes through as it is, where the server would answer with an error.
    /// - Throws: ``TestError/notRegistered(_:)`` if nothing was registered for the path.
    public func send(_ request: WebRequest) async throws -> WebResponse {
        let resources = registered.withLock { $0.webResources }
        let fitting = resources.filter { resource in
            resource.path.hasSameBytes(as: request.path)
                || (resource.extent == .subtree && request.path.utf8.starts(with: "\(resource.path)/".utf8))
        }
        guard let resource = fitting.max(by: { $0.path.utf8.count < $1.path.utf8.count }) else {
            throw TestError.notRegistered(request.path)
        }
        return try await resource.handler(request)
    }
}

extension WebResponse {
    /// The body, whether it is there or written piece by piece.
    public func collectBody() async throws -> [UInt8] {
        switch body {
        case .bytes(let bytes): return bytes
        case .stream(let write):
            let written = Mutex<[UInt8]>([])
            try await write(WebBodyWriter { bytes in written.withLock { $0 += bytes } })
            return written.withLock { $0 }
        }
    }

    /// The body as a JSON object.
    public func json() async throws -> JSONObject { try JSONObject.parse(try await collectBody()) }
}
