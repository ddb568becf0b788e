import ModuleAPI

/// What the server calls when it has loaded this library.
@_cdecl("axolemma_module")
public func axolemmaModule() -> UnsafeMutableRawPointer { ModulePlugin.export(Puppet.self) }
