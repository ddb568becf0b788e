package import MatrixCore

/// An entry of `modules`.
package struct ModuleEntry: Sendable {
    /// A Swift module's name, the path of a `.so` file, or the dotted name of a Python class.
    package let name: String
    /// What the module is configured with; an empty object if nothing is given.
    package let config: JSON
    /// The entry's dotted name, `modules.<item N>`, for messages.
    package let path: String
    /// Where the entry stands.
    package let location: SourceLocation

    static func read(_ options: OptionReader) -> [ModuleEntry] {
        guard let node = options.node("modules") else { return [] }
        guard let elements = node.array else {
            options.fail("modules", "expected a list, found \(node.kind)", fix: "write '- module: NAME' below it")
            return []
        }
        return elements.enumerated().compactMap { index, element in
            let path = "modules.<item \(index)>"
            func fail(_ option: String, _ problem: String) -> ModuleEntry? {
                options.log.error(
                    ConfigurationFault(
                        at: element.location, option: option, problem: problem,
                        fix: "write '- module: NAME', and 'config:' below it if the module wants one"))
                return nil
            }
            guard element.members != nil else { return fail(path, "expected a mapping") }
            guard let name = element["module"]?.string else { return fail("\(path).module", "expected a string") }
            let given = element["config"]?.json ?? .null
            let config = given.isNull ? .object(JSONObject()) : given
            return ModuleEntry(name: name, config: config, path: path, location: element.location)
        }
    }

    /// A fault of this entry's `config`, as a module finds it.
    /// - Parameter subpath: Where within `config`; empty for the whole of it.
    package func fault(_ problem: String, subpath: [String] = []) -> ConfigurationFault {
        ConfigurationFault(
            at: location, option: ([path, "config"] + subpath).joined(separator: "."),
            problem: "Failed to parse config for module '\(name)': \(problem)")
    }
}

/// `module_settings`: how modules are run, an option of ours.
package struct ModuleSettings: Sendable, Hashable {
    /// `python`: the interpreter that runs Python modules; `nil` is the virtual environment beside the data.
    package var python: String?
    /// `callback_timeout`: how long a module may take to answer.
    package var callbackTimeout: Duration
    /// `check_event_allowed_over_federation`: whether that callback is also asked about events of other servers.
    package var checksFederatedEvents: Bool

    init(_ options: OptionReader) {
        let section = options.options("module_settings")
        python = section.text("python")
        callbackTimeout = section.duration("callback_timeout") ?? .seconds(30)
        checksFederatedEvents = section.bool("check_event_allowed_over_federation", default: true)
        if callbackTimeout <= .zero { section.fail("callback_timeout", "is zero", fix: "use '30s'") }
    }
}
