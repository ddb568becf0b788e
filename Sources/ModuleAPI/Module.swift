public import MatrixCore

/// A pluggable module: code that takes part in the server's decisions through the callbacks it registers.
///
/// The server reads the configuration of every module before it makes the first one, then makes the modules in the order
/// of the configuration file, once, before it listens. Storage works by then, so an initializer may read rooms and send
/// events. A module registers what it implements through its context and is afterwards called only through that.
///
/// ```swift
/// struct Quiet: Module {
///     init(configuration: JSONObject, context: any ModuleContext) {
///         context.register(SpamChecker(checkEventForSpam: check))
///     }
///
///     func check(_ event: Event) async throws -> SpamAnswer {
///         event.type == .message ? .deny() : .allow
///     }
/// }
/// ```
public protocol Module: Sendable {
    /// What the module makes of its `config:` mapping.
    associatedtype Configuration: Sendable = JSONObject

    /// The name the module is known by in the log and the metrics, and in `modules:` if it is linked into the server.
    static var name: String { get }

    /// Checks and reads the module's `config:` mapping, which is empty if there is none.
    ///
    /// The server is not running yet; nothing but the mapping may be relied on.
    /// - Throws: ``ConfigurationError`` to point at the option in question. Any error keeps the server from starting.
    static func parseConfiguration(_ object: JSONObject) throws -> Configuration

    /// Makes the module and registers its callbacks with `context`.
    /// - Throws: Any error keeps the server from starting.
    init(configuration: Configuration, context: any ModuleContext) async throws
}

extension Module {
    public static var name: String { String(describing: Self.self) }
}

extension Module where Configuration == JSONObject {
    public static func parseConfiguration(_ object: JSONObject) throws -> JSONObject { object }
}

/// Says what is wrong with a module's configuration, and where.
public struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong, for the operator to read.
    public var message: String
    /// The way to the option inside `config:`: keys, and `<item N>` counted from 0 for elements of lists.
    public var path: [String]

    public init(_ message: String, at path: String...) {
        self.message = message
        self.path = path
    }

    public var description: String { path.isEmpty ? message : "\(path.joined(separator: ".")): \(message)" }
}
