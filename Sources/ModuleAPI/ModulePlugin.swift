/// What a plug-in, a module in a shared library, hands to the server that loads it.
///
/// A plug-in exports one function by its C name:
///
/// ```swift
/// @_cdecl("axolemma_module")
/// public func axolemmaModule() -> UnsafeMutableRawPointer { ModulePlugin.export(MyModule.self) }
/// ```
public final class ModulePlugin: Sendable {
    /// The name of the exported function.
    public static let entryPoint = "axolemma_module"

    public let module: any Module.Type
    /// The ``buildStamp`` of the ModuleAPI and compiler the plug-in was built with.
    public let stamp: String

    public init(_ module: any Module.Type, stamp: String) {
        self.module = module
        self.stamp = stamp
    }

    /// The result of a plug-in's entry function.
    ///
    /// Compiled into the plug-in, so that the stamp is the plug-in's and not that of the server it meets.
    @_alwaysEmitIntoClient
    public static func export<M: Module>(_ module: M.Type) -> UnsafeMutableRawPointer {
        Unmanaged.passRetained(ModulePlugin(module, stamp: buildStamp)).toOpaque()
    }

    /// The plug-in that an entry function returned; `nil` if it was made by another copy of ModuleAPI than this one.
    public static func received(_ pointer: UnsafeMutableRawPointer) -> ModulePlugin? {
        Unmanaged<AnyObject>.fromOpaque(pointer).takeRetainedValue() as? ModulePlugin
    }

    /// What both sides must have been built with: Swift gives no guarantee about memory layouts across either.
    ///
    /// The number goes up with every release that changes a public type of ModuleAPI or MatrixCore.
    @_alwaysEmitIntoClient
    public static var buildStamp: String {
        #if compiler(>=6.5)
        let compiler = "6.5 or later"
        #elseif compiler(>=6.4)
        let compiler = "6.4"
        #elseif compiler(>=6.3)
        let compiler = "6.3"
        #elseif compiler(>=6.2)
        let compiler = "6.2"
        #else
        let compiler = "6.1 or earlier"
        #endif
        return "ModuleAPI 2, Swift \(compiler)"
    }
}
