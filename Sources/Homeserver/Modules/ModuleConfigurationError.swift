import ModuleAPI

/// Something wrong with the `modules:` section, with the way to it.
///
/// Printed as `description`, it tells the operator where to look and why.
package struct ModuleConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    package var message: String
    /// Keys, and `<item N>` counted from 0 for elements of lists, from the top of the file down.
    package var path: [String]
    /// What led to it, outermost first.
    package var causes: [String]

    package init(_ message: String, path: [String], causes: [String] = []) {
        self.message = message
        self.path = path
        self.causes = causes
    }

    package var description: String {
        var text = "Error in configuration at '\(path.joined(separator: "."))':\n  \(message)"
        for (depth, cause) in causes.enumerated() {
            text += "\n" + String(repeating: "  ", count: depth + 2) + cause
        }
        return text
    }

    /// The error for a module that refused its own configuration.
    static func parsing(_ module: String, item: Int, _ error: any Error) -> ModuleConfigurationError {
        let path = (error as? ConfigurationError)?.path ?? []
        let cause = (error as? ConfigurationError)?.message ?? "\(error)"
        return ModuleConfigurationError(
            "Failed to parse config for module '\(module)'",
            path: ["modules", "<item \(item)>", "config"] + path, causes: [cause])
    }
}
