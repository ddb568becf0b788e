package import MatrixCore
import NIOHTTP1

/// One request as a handler sees it.
///
/// The body is whole and in memory, bounded by the endpoint's limit, unless the endpoint is one with ``Endpoint/streamingBody``.
package struct Call: Sendable {
    let request: Request
    /// Who asks; `nil` if the endpoint is open to anyone, or asks for no token and got none.
    package let requester: Requester?
    /// The access token the request came with; always `nil` where the endpoint's access is ``Access/anyone``.
    package let accessToken: String?

    /// `METHOD-n`, as the log calls this request, or what the proxy before this listener calls it.
    package var requestID: String { request.id }
    /// The client's IP address; empty if the connection is a Unix socket and no proxy names the client.
    package var clientAddress: String { request.clientAddress }
    package var userAgent: String? { request.head.userAgent }
    /// The whole body; empty if the endpoint has it streamed.
    package var body: [UInt8] { request.body }
    /// The body as it arrives.
    package var bodyStream: RequestBody { request.bodyStream }

    /// Who asks.
    /// - Throws: 401 `M_MISSING_TOKEN` if nobody says so.
    package func user() throws(MatrixError) -> Requester {
        guard let requester else { throw AccessToken.missing() }
        return requester
    }

    /// The value of a header, by its name in any case; the first one if there are several.
    package func header(_ name: String) -> String? { request.head.headers.first(name: name) }
}

// MARK: - As it was sent

extension Call {
    /// The method as the client wrote it.
    package var method: String { request.head.methodName }
    /// The request's target as the client wrote it.
    package var target: String { request.head.uri }
    /// The target's path, still percent-encoded.
    package var rawPath: String { request.head.pathText }
    /// What follows `?` in the target; empty if nothing does.
    package var rawQuery: String { String(request.query.text) }
    /// `1.0` or `1.1`.
    package var httpVersion: String { request.head.isHTTP10 ? "1.0" : "1.1" }
    /// All headers, in the order sent.
    package var headers: [HeaderField] { request.head.headers.map { HeaderField($0.name, $0.value) } }
    /// Whether the client's connection is TLS, be it with us or with a proxy before us that says so.
    package var isSecure: Bool { request.isSecure }
}

// MARK: - Path

extension Call {
    /// A part of the path, percent-decoded; empty if this alias of the endpoint's path has no such part.
    package func path(_ name: String) -> String { request.pathParameter(name) ?? "" }

    /// - Throws: 400 `M_INVALID_PARAM` if that part of the path is no room ID.
    package func roomID(_ name: String = "roomId") throws(MatrixError) -> RoomID {
        guard let id = RoomID(path(name)) else { throw notAn("room ID", name) }
        return id
    }

    /// - Throws: 400 `M_INVALID_PARAM` if that part of the path is no user ID.
    package func userID(_ name: String = "userId") throws(MatrixError) -> UserID {
        guard let id = UserID(path(name)) else { throw notAn("user ID", name) }
        return id
    }

    /// - Throws: 400 `M_INVALID_PARAM` if that part of the path is no event ID.
    package func eventID(_ name: String = "eventId") throws(MatrixError) -> EventID {
        guard let id = EventID(path(name)) else { throw notAn("event ID", name) }
        return id
    }

    /// - Throws: 400 `M_INVALID_PARAM` if that part of the path is no room alias.
    package func alias(_ name: String = "roomAlias") throws(MatrixError) -> RoomAlias {
        guard let alias = RoomAlias(path(name)) else { throw notAn("room alias", name) }
        return alias
    }

    private func notAn(_ kind: String, _ name: String) -> MatrixError {
        .invalidParam("'\(path(name))' is not a valid \(kind)")
    }
}

// MARK: - Query

extension Call {
    /// A query parameter, decoded; the first one if there are several.
    package func query(_ name: String) -> String? {
        var iterator = request.query.values(of: name).makeIterator()
        return iterator.next()
    }

    /// Every value of a query parameter, decoded, in the order given.
    package func queryAll(_ name: String) -> [String] { Array(request.query.values(of: name)) }

    /// - Throws: 400 `M_INVALID_PARAM` if the parameter is there and no whole number.
    package func queryInteger(_ name: String) throws(MatrixError) -> Int64? {
        guard let text = query(name) else { return nil }
        guard let number = Int64(text) else {
            throw .invalidParam("Query parameter '\(name)' must be an integer")
        }
        return number
    }

    /// - Throws: 400 `M_INVALID_PARAM` if the parameter is there and neither `true` nor `false`.
    package func queryBool(_ name: String) throws(MatrixError) -> Bool? {
        switch query(name) {
        case nil: return nil
        case "true": return true
        case "false": return false
        default: throw .invalidParam("Boolean query parameter '\(name)' must be one of ['true', 'false']")
        }
    }
}

// MARK: - Body

extension Call {
    /// The body as a JSON object.
    /// - Parameter allowEmpty: Whether a request without a body counts as one with `{}`.
    /// - Throws: 400 `M_NOT_JSON` or `M_BAD_JSON`.
    package func object(allowEmpty: Bool = false) throws(MatrixError) -> JSONObject {
        if allowEmpty, body.isEmpty { return [:] }
        do {
            return try JSONObject.parse(body)
        } catch .notAnObject {
            throw .badJSON("Content must be a JSON object.")
        } catch {
            throw MatrixError(status: 400, code: .notJSON, message: "Content not JSON.")
        }
    }
}
