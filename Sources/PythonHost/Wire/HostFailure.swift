import MatrixCore

/// An error that crossed the connection.
enum HostFailure: Error, Hashable {
    /// A `SynapseError`: the client gets exactly this.
    case matrix(MatrixError)
    /// Any other Python exception.
    case exception(PythonException)
    /// Something wrong with a module's configuration.
    case configuration(path: [String], message: String, causes: [String], traceback: String)
    /// A module that cannot be imported; `missing` is the package that is not installed.
    case missingImport(message: String, missing: String?, traceback: String)
    /// The callback is no longer registered since the process was started anew.
    case unregistered

    /// Reads an error object, whatever the other side has put in it.
    init(_ json: JSON) {
        let object = json.objectValue ?? [:]
        let traceback = object.string("traceback").map { bounded($0) } ?? ""
        let message = object.string("message").map { bounded($0) } ?? ""
        switch object.string("kind") {
        case "matrix": self = .matrix(Self.matrixError(object))
        case "redirect": self = .matrix(Self.redirect(object))
        case "config":
            self = .configuration(
                path: (object.array("path") ?? []).map { $0.stringValue ?? $0.integerValue.map(String.init) ?? "?" },
                message: message, causes: (object.array("causes") ?? []).compactMap(\.stringValue),
                traceback: traceback)
        case "import":
            self = .missingImport(message: message, missing: object.string("missing"), traceback: traceback)
        case "unregistered": self = .unregistered
        default:
            self = .exception(
                PythonException(
                    type: object.string("type") ?? "Exception", message: message, traceback: traceback))
        }
    }

    private static func matrixError(_ object: JSONObject) -> MatrixError {
        var fields = object.object("body") ?? [:]
        let code = fields.string("errcode")
        let message = fields.string("error")
        let hasBoth = code != nil && message != nil
        let body = fields
        if code != nil { fields["errcode"] = nil }
        if message != nil { fields["error"] = nil }
        var error = MatrixError(
            status: Int(clamping: object.integer("status") ?? 500), code: ErrorCode(code ?? ErrorCode.unknown.string),
            message: message ?? "", fields: fields, headers: headers(object.array("headers")))
        // Modules may override the whole body.
        if !hasBoth { error.wholeBody = body }
        if !(200...599).contains(error.status) { error.status = 500 }
        return error
    }

    private static func redirect(_ object: JSONObject) -> MatrixError {
        var headers = (object.array("cookies") ?? []).compactMap(\.stringValue)
            .map { MatrixError.HeaderField("Set-Cookie", $0) }
        headers.append(MatrixError.HeaderField("Location", object.string("location") ?? ""))
        let status = Int(clamping: object.integer("status") ?? 302)
        return MatrixError(
            status: (300...399).contains(status) ? status : 302, code: .unknown, message: "Redirect",
            headers: headers.filter { isHeaderText($0.value) })
    }

    private static func headers(_ list: [JSON]?) -> [MatrixError.HeaderField] {
        (list ?? []).compactMap { entry in
            guard let pair = entry.stringArrayValue, pair.count == 2, isHeaderText(pair[0]), isHeaderText(pair[1])
            else { return nil }
            return MatrixError.HeaderField(pair[0], pair[1])
        }
    }

    /// As Swift code above is to see it.
    var error: any Error {
        switch self {
        case .matrix(let error): error
        case .exception(let exception): exception
        case .configuration(_, let message, _, let traceback), .missingImport(let message, _, let traceback):
            PythonException(type: "ConfigError", message: message, traceback: traceback)
        case .unregistered: PythonException.unregistered
        }
    }
}

/// An exception that a module raised. Printed, it is the traceback.
package struct PythonException: Error, Hashable, CustomStringConvertible {
    package var type: String
    package var message: String
    package var traceback: String

    package var description: String { traceback.isEmpty ? "\(type): \(message)" : traceback }

    static let unregistered = PythonException(type: "Unregistered", message: "no longer registered", traceback: "")
    var isUnregistered: Bool { self == Self.unregistered }
}

/// An error for the host to raise in Python.
struct HostError: Error {
    /// The Python exception class.
    var type: String
    var message: String

    static func value(_ message: String) -> HostError { HostError(type: "ValueError", message: message) }
    static func type(_ message: String) -> HostError { HostError(type: "TypeError", message: message) }
    static func runtime(_ message: String) -> HostError { HostError(type: "RuntimeError", message: message) }
    static func unavailable(_ message: String) -> HostError {
        HostError(type: "NotImplementedError", message: message)
    }

    var json: JSONObject { ["kind": "exception", "type": .string(type), "message": .string(message), "traceback": ""] }
}

/// The error object of a `MatrixError`.
func errorObject(_ error: MatrixError) -> JSONObject {
    [
        "kind": "matrix", "status": .integer(Int64(error.status)), "body": .object(error.body),
        "headers": .array(error.headers.map { [.string($0.name), .string($0.value)] }),
    ]
}

/// Cuts what goes to the log or an error to a length that does no harm.
func bounded(_ text: String, to limit: Int = 16_384) -> String {
    guard text.utf8.count > limit else { return text }
    return String(decoding: text.utf8.prefix(limit), as: UTF8.self) + " …"
}

/// Whether a text can stand in a header, or beside a status: no control characters.
func isHeaderText(_ text: String) -> Bool { !text.utf8.contains { ($0 < 0x20 && $0 != 0x09) || $0 == 0x7F } }
