import ServerConfiguration

/// The interpreter that runs Python modules, with the packages it finds.
struct PythonEnvironment {
    /// The interpreter, such as `/var/lib/axolemma/python/bin/python`.
    let interpreter: String

    /// The configured one; by default that of the virtual environment `python` beside the data.
    init(_ configuration: Configuration) {
        interpreter =
            configuration.moduleSettings.python
            ?? "\(Files.absolute(configuration.dataDirectory))/python/bin/python"
    }

    init(directory: String) { interpreter = "\(Files.absolute(directory))/bin/python" }

    /// The virtual environment's folder; `nil` if the interpreter is not called like that of one.
    var directory: String? {
        let binaries = Files.directory(of: interpreter)
        return binaries.hasSuffix("/bin") ? Files.directory(of: binaries) : nil
    }

    var exists: Bool { Files.exists(interpreter) }
}
