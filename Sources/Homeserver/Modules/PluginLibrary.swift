import ModuleAPI

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A Swift module in a shared library.
///
/// The library uses the server's own ModuleAPI and MatrixCore: the server exports its symbols, and they are found before
/// those of any library. A plug-in that carries copies of its own would meet types that look the same and are not.
enum PluginLibrary {
    /// Why a library cannot be used.
    struct Failure: Error {
        let reason: String
    }

    /// Loads the library at `path`, for good: there is no unloading Swift code.
    static func module(at path: String) throws(Failure) -> any Module.Type {
        // Without a slash the name would be looked for among the system's libraries.
        let file = path.utf8.contains(UInt8(ascii: "/")) ? path : "./\(path)"
        guard let library = dlopen(file, RTLD_NOW | RTLD_LOCAL) else {
            throw Failure(reason: "\(lastError). \(rebuild)")
        }
        guard let symbol = dlsym(library, ModulePlugin.entryPoint) else {
            throw Failure(reason: "It does not export the function '\(ModulePlugin.entryPoint)'.")
        }
        typealias EntryPoint = @convention(c) () -> UnsafeMutableRawPointer
        let entryPoint = unsafeBitCast(symbol, to: EntryPoint.self)
        guard let plugin = ModulePlugin.received(entryPoint()) else {
            throw Failure(
                reason: "It contains a copy of ModuleAPI; link it with the package's dynamic product 'ModuleAPI'.")
        }
        guard plugin.stamp == ModulePlugin.buildStamp else {
            throw Failure(
                reason: "It was built with \(plugin.stamp), this server with \(ModulePlugin.buildStamp). \(rebuild)")
        }
        return plugin.module
    }

    private static let rebuild = "A plug-in must be built with the compiler and the ModuleAPI of the server it is for."

    private static var lastError: String {
        guard let message = dlerror() else { return "It cannot be loaded" }
        return String(cString: message)
    }
}
