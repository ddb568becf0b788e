/// An error as a Matrix client sees it: an HTTP status and `{"errcode": …, "error": …}` with optional further fields.
public struct MatrixError: Error, Hashable, Sendable {
    /// The HTTP status, 400–599.
    public var status: Int
    public var code: ErrorCode
    /// The human-readable text of the `error` field.
    public var message: String
    /// Fields merged into the body; they override `errcode` and `error`.
    public var fields: JSONObject
    /// Headers sent beside the body, such as `Retry-After`.
    public var headers: [HeaderField]
    /// Stands in for the body that code, message and fields make; for errors that bring a body of their own.
    public var wholeBody: JSONObject?

    /// A header of an error answer.
    public struct HeaderField: Hashable, Sendable {
        public var name: String
        public var value: String
        public init(_ name: String, _ value: String) { (self.name, self.value) = (name, value) }
    }

    public init(
        status: Int, code: ErrorCode, message: String, fields: JSONObject = [:], headers: [HeaderField] = []
    ) {
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields
        self.headers = headers
    }

    /// The body sent to the client.
    public var body: JSONObject {
        if let wholeBody { return wholeBody }
        var body: JSONObject = ["errcode": .string(code.string), "error": .string(message)]
        for (key, value) in fields { body[key] = value }
        return body
    }

    public static func forbidden(_ message: String) -> MatrixError {
        MatrixError(status: 403, code: .forbidden, message: message)
    }
    public static func notFound(_ message: String) -> MatrixError {
        MatrixError(status: 404, code: .notFound, message: message)
    }
    public static func badJSON(_ message: String) -> MatrixError {
        MatrixError(status: 400, code: .badJSON, message: message)
    }
    public static func invalidParam(_ message: String) -> MatrixError {
        MatrixError(status: 400, code: .invalidParam, message: message)
    }
    public static func missingParam(_ message: String) -> MatrixError {
        MatrixError(status: 400, code: .missingParam, message: message)
    }
    /// What a client sees of an error that is none of its business.
    public static let internalError = MatrixError(status: 500, code: .unknown, message: "Internal server error")
}

/// A domain error that knows what a client may see of it.
public protocol MatrixErrorConvertible: Error {
    var matrixError: MatrixError { get }
}

extension MatrixError: MatrixErrorConvertible {
    public var matrixError: MatrixError { self }
}
