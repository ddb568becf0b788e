import Logging
import MatrixCore
import ModuleAPI

/// Serves a Python module's web resource: requests and answers go through as they are, bodies in both directions as they
/// come.
struct WebProxy: Sendable {
    let host: PythonModules
    let registration: Registration

    /// Answers a request.
    func answer(_ request: WebRequest) async throws -> WebResponse {
        let host = host
        let session = try await withDeadline(host.settings.callbackTimeout) { try await host.session() }
        guard let identifier = session.identifier(of: registration.number) else { return Self.notFound }
        let call = session.streamedCall(
            "web", ["id": .integer(identifier), "request": .object(Self.object(of: request))])
        do {
            let head = try await host.failing { try await Self.head(of: request, call) }
            return Self.response(head, call)
        } catch {
            call.finish(isComplete: false)
            if (error as? PythonException)?.isUnregistered == true { return Self.notFound }
            throw error
        }
    }

    private static var notFound: WebResponse {
        .error(MatrixError(status: 404, code: .unrecognized, message: "Unrecognized request"))
    }

    /// Sends the request and waits for the head of the answer. What the module has not read of the body by then is dropped.
    private static func head(of request: WebRequest, _ call: StreamedCall) async throws -> JSON {
        try await withThrowingTaskGroup(of: JSON?.self) { group in
            group.addTask {
                await call.outgoing.ready()
                for try await piece in request.body { try await call.outgoing.send(piece[...]) }
                call.outgoing.finish()
                return nil
            }
            group.addTask { try await call.answer() }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
    }

    private static func object(of request: WebRequest) -> JSONObject {
        [
            "method": .string(request.method), "uri": .string(request.uri),
            "version": .string("HTTP/\(request.httpVersion)"),
            "headers": .array(request.headers.fields.map { [.string($0.name), .string($0.value)] }),
            "client_ip": .string(request.clientAddress), "secure": .bool(request.isSecure),
            "request_id": .string(request.requestID),
        ]
    }

    private static func response(_ head: JSON, _ call: StreamedCall) -> WebResponse {
        let fields = (head["headers"]?.arrayValue ?? []).compactMap { entry -> HTTPHeaders.Field? in
            guard let pair = entry.stringArrayValue, pair.count == 2, isHeaderText(pair[0]), isHeaderText(pair[1])
            else { return nil }
            return HTTPHeaders.Field(pair[0], pair[1])
        }
        let status = Int(clamping: head["status"]?.integerValue ?? 500)
        return WebResponse(
            status: (200...599).contains(status) ? status : 500,
            reason: head["reason"]?.stringValue.flatMap { isHeaderText($0) ? $0 : nil }, headers: HTTPHeaders(fields),
            body: .stream { writer in
                do {
                    for try await piece in call.incoming { try await writer.write(piece) }
                    call.finish(isComplete: true)
                } catch {
                    call.finish(isComplete: false)
                    throw error
                }
            })
    }
}

extension PythonModules {
    /// Registers a web resource with the server. Twisted finds the children of one that is no leaf.
    func register(_ proxy: WebProxy, at path: String, _ context: any ModuleContext) {
        do {
            try context.register(WebResource(path) { try await proxy.answer($0) })
        } catch {
            proxy.registration.fail(error)
        }
    }
}
