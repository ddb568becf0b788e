import ServerConfiguration

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// What belongs to this program and lies beside it.
enum Installation {
    /// The folder with the `synapse` package for Python modules.
    ///
    /// `AXOLEMMA_PYTHON_PACKAGE` names it; else it is looked for as an installation has it, and then as a checkout has it.
    /// `nil` if it is in none of these places.
    static var pythonPackage: String? {
        if let named = environment("AXOLEMMA_PYTHON_PACKAGE") { return named }
        guard let program = programPath else { return nil }
        let installed = "\(Files.directory(of: Files.directory(of: program)))/share/axolemma/python"
        if Files.exists("\(installed)/pyproject.toml") { return installed }
        return checkout.map { "\($0)/Python" }
    }

    /// The checkout that this program was built in; `nil` if it lies elsewhere.
    static var checkout: String? {
        guard var directory = programPath.map(Files.directory(of:)) else { return nil }
        // SwiftPM builds into .build/PLATFORM/CONFIGURATION.
        for _ in 0..<5 {
            if Files.exists("\(directory)/Python/pyproject.toml"), Files.exists("\(directory)/Package.swift") {
                return directory
            }
            directory = Files.directory(of: directory)
        }
        return nil
    }

    /// A variable of the environment; `nil` if it is missing or empty.
    static func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    private static var programPath: String? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard count > 0 else { return nil }
        return String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
