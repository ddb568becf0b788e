package import MatrixCore

/// `module_settings`: how modules are run, an option of ours.
package struct ModuleSettings: Sendable, Hashable {
    /// `python`: the interpreter that runs Python modules; `nil` is the virtual environment beside the data.
    package var python: String?
    /// `callback_timeout`: how long a module may take to answer.
    package var callbackTimeout: Duration
    /// `check_event_allowed_over_federation`: whether that callback is also asked about events of other servers.
    package var checksFederatedEvents: Bool
    /// `python_memory_limit`: the bytes of memory beyond which the Python process is started anew.
    package var pythonMemoryLimit: Int

    init(_ options: OptionReader) {
        let section = options.options("module_settings")
        python = section.text("python")
        callbackTimeout = section.duration("callback_timeout") ?? .seconds(30)
        checksFederatedEvents = section.bool("check_event_allowed_over_federation", default: true)
        pythonMemoryLimit = section.size("python_memory_limit") ?? 1 << 30
        if callbackTimeout <= .zero { section.fail("callback_timeout", "is zero", fix: "use '30s'") }
        if pythonMemoryLimit < 64 << 20 {
            section.fail(
                "python_memory_limit", "too little: an interpreter with Synapse's packages needs some 60 MiB",
                fix: "use '1G', or at least '64M'")
        }
    }
}

/// What Python modules may ask the server's configuration for.
package struct ModuleView: Sendable {
    /// All options as they were written, files merged, secrets included.
    package let options: JSONObject
    /// `email.app_name`, by default `Matrix`.
    package let emailAppName: String
    /// `custom_template_directory`
    package let templateDirectory: String?

    init(_ options: OptionReader) {
        self.options = JSONObject(options.members.map { ($0.key, $0.value.json) })
        emailAppName = options.options("email").text("app_name") ?? "Matrix"
        templateDirectory = options.options("templates").text("custom_template_directory")
    }
}
