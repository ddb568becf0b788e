import MatrixCore
import ModuleAPI
import WebServer

// What modules know of the web, in the words of the web server and the other way round.

extension Mount {
    /// A module's place in the tree of paths.
    init(_ resource: WebResource) {
        let handler = resource.handler
        self.init(
            resource.path, resource.extent == .exactPath ? .exactPath : .subtree, bodyLimit: resource.bodyLimit
        ) { call in
            try await Reply(try await handler(WebRequest(call)))
        }
    }
}

extension WebRequest {
    init(_ call: Call) {
        self.init(
            method: call.method, uri: call.target, path: call.rawPath, query: call.rawQuery,
            httpVersion: call.httpVersion, headers: HTTPHeaders(call.headers.map { .init($0.name, $0.value) }),
            clientAddress: call.clientAddress, isSecure: call.isSecure, requestID: call.requestID,
            body: WebBody(call.bodyStream))
    }
}

extension Reply {
    /// - Throws: ``ImpossibleStatus`` for a status that ends no request.
    init(_ response: WebResponse) async throws {
        let body: Body
        switch response.body {
        case .bytes(let bytes): body = .bytes(bytes)
        case .stream(let stream):
            body = .stream { writer in try await stream(WebBodyWriter { try await writer.write($0) }) }
        }
        guard (200...599).contains(response.status) else {
            let impossible = ImpossibleStatus(status: response.status)
            if case .stream(let stream) = response.body {
                try? await stream(WebBodyWriter { _ in throw impossible })
            }
            throw impossible
        }
        self.init(
            status: response.status, headers: response.headers.fields.map { HeaderField($0.name, $0.value) },
            body: body)
        reason = response.reason
        added = .verbatim
    }
}

/// A module answered with a status that no final answer has.
struct ImpossibleStatus: Error {
    let status: Int
}
