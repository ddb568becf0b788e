import MatrixCore

/// How a client can tell where the body of an answer ends.
enum Framing: Equatable {
    /// There is no body: the request was HEAD, or the status has none.
    case none
    case length(Int)
    case chunked
    /// The connection ends with it.
    case close

    /// Whether an answer of this status has a body at all.
    static func hasBody(_ status: Int) -> Bool { status >= 200 && status != 204 && status != 304 }

    /// How a body that is written piece by piece is to be sent.
    static func ofStream(_ reply: Reply, isHead: Bool, isHTTP10: Bool) -> Framing {
        guard hasBody(reply.status), !isHead else { return .none }
        if let length = announcedLength(reply) { return .length(length) }
        return isHTTP10 ? .close : .chunked
    }

    /// The length in the answer's own headers; `nil` if there is none that makes sense.
    static func announcedLength(_ reply: Reply) -> Int? {
        guard let field = reply.headers.first(where: { $0.name.isSameHeader(as: "content-length") }),
            !field.value.isEmpty, field.value.utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        return Int(field.value)
    }
}
