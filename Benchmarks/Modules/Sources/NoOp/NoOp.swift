public import MatrixCore
public import ModuleAPI

/// Callbacks that do nothing, so that calling them is all that is measured.
///
/// ```yaml
/// config: {hooks: [spam, allowed, new_event, account_data]}
/// ```
public struct NoOp: Module {
    public init(configuration: Set<String>, context: any ModuleContext) {
        if configuration.contains("spam") {
            context.register(SpamChecker(checkEventForSpam: { _ in .allow }))
        }
        if configuration.contains("allowed") {
            context.register(ThirdPartyRules(checkEventAllowed: { _, _ in .allow }))
        }
        if configuration.contains("new_event") {
            context.register(ThirdPartyRules(onNewEvent: { _, _ in }))
        }
        if configuration.contains("account_data") {
            context.register(AccountDataCallbacks(onAccountDataUpdated: { _, _, _, _ in }))
        }
    }

    public static func parseConfiguration(_ object: JSONObject) throws -> Set<String> {
        guard let hooks = object.array("hooks") else { throw ConfigurationError("expected a list", at: "hooks") }
        return Set(hooks.compactMap(\.stringValue))
    }
}

/// What the server calls when it has loaded this library.
@_cdecl("axolemma_module")
public func axolemmaModule() -> UnsafeMutableRawPointer { ModulePlugin.export(NoOp.self) }
