import ModuleAPI

/// Something wrong with a module's entry in the configuration, with the way to it.
///
/// Printed as `description`, it tells the operator where to look and why, in Synapse's form.
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
            let indent = String(repeating: "  ", count: depth + 2)
            for line in cause.split(separator: "\n") { text += "\n\(indent)\(line)" }
        }
        return text
    }

    /// The error for a module that refused its own configuration.
    static func parsing(
        _ module: String, path: [String], _ error: any Error
    ) -> ModuleConfigurationError {
        let subpath = (error as? ConfigurationError)?.path ?? []
        let cause = (error as? ConfigurationError)?.message ?? "\(error)"
        return ModuleConfigurationError(
            "Failed to parse config for module '\(module)'", path: path + ["config"] + subpath, causes: [cause])
    }
}

/// Everything that is wrong with the modules' configuration, in the order of the modules.
package struct ModuleConfigurationErrors: Error, Hashable, Sendable, CustomStringConvertible {
    package var errors: [ModuleConfigurationError]

    package init(_ errors: [ModuleConfigurationError]) { self.errors = errors }

    package var description: String { errors.map(\.description).joined(separator: "\n") }
}
