import MatrixCore
import ModuleAPI

/// A module in a plug-in that claims to be built with an older ModuleAPI, which the server must not make.
struct StalePuppet: Module {
    init(configuration: JSONObject, context: any ModuleContext) {}
}

@_cdecl("axolemma_module")
public func axolemmaModule() -> UnsafeMutableRawPointer {
    Unmanaged.passRetained(ModulePlugin(StalePuppet.self, stamp: "ModuleAPI 0, Swift 5.0")).toOpaque()
}
