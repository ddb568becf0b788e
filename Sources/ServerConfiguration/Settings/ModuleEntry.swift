package import MatrixCore

/// A module that the configuration names.
package struct ModuleEntry: Sendable {
    /// The section that names it, which decides how the module is made and what it registers.
    package enum Kind: String, Sendable, CaseIterable {
        /// `modules`
        case module
        /// `spam_checker`, the form before `modules`
        case spamChecker = "spam_checker"
        /// `third_party_event_rules`, the form before `modules`
        case thirdPartyEventRules = "third_party_event_rules"
        /// `presence.presence_router`, the form before `modules`
        case presenceRouter = "presence_router"
        /// `password_providers` and `ldap_config`, the forms before `modules`
        case passwordProvider = "password_provider"
        /// `listeners[].additional_resources`
        case additionalResource = "additional_resource"
    }

    package let kind: Kind
    /// A Swift module's name, the path of a `.so` file, or the dotted name of a Python class.
    package let name: String
    /// What the module is configured with, as written; `nil` if the entry has no `config`, or a null one.
    package let config: JSON?
    /// The way to the entry: keys, and `<item N>` counted from 0.
    package let path: [String]
    /// Where an additional resource is served.
    package let webPath: String?
    /// Where the entry stands.
    package let location: SourceLocation?
}

extension ModuleEntry {
    /// Every module, in the order they are made: `modules` first, then the older sections in Synapse's order.
    static func read(_ options: OptionReader) -> [ModuleEntry] {
        list("modules", .module, in: options) + spamCheckers(options)
            + single("third_party_event_rules", .thirdPartyEventRules, in: options)
            + single("presence_router", .presenceRouter, in: options.options("presence"))
            + passwordProviders(options) + additionalResources(options)
    }

    private static func list(_ key: String, _ kind: Kind, in options: OptionReader) -> [ModuleEntry] {
        guard let node = options.node(key) else { return [] }
        guard let elements = node.array else {
            options.fail(key, "expected a list, found \(node.kind)", fix: "write '- module: NAME' below it")
            return []
        }
        return elements.enumerated().compactMap { index, element in
            entry(element, kind, [key, "<item \(index)>"], options)
        }
    }

    private static func single(_ key: String, _ kind: Kind, in options: OptionReader) -> [ModuleEntry] {
        guard let node = options.node(key), !isEmpty(node) else { return [] }
        return entry(node, kind, options.name(of: key).split(separator: ".").map(String.init), options).map { [$0] }
            ?? []
    }

    private static func isEmpty(_ node: SourceNode) -> Bool { node.members?.isEmpty ?? false }

    private static func spamCheckers(_ options: OptionReader) -> [ModuleEntry] {
        guard let node = options.node("spam_checker") else { return [] }
        if node.array != nil { return list("spam_checker", .spamChecker, in: options) }
        if node.members != nil { return single("spam_checker", .spamChecker, in: options) }
        options.fail("spam_checker", "spam_checker syntax is incorrect", fix: "write 'module: NAME' below it")
        return []
    }

    private static let ldapProvider = "ldap_auth_provider.LdapAuthProvider"

    private static func passwordProviders(_ options: OptionReader) -> [ModuleEntry] {
        var entries: [ModuleEntry] = []
        if let ldap = options.section("ldap_config"), ldap.bool("enabled", default: false) {
            entries.append(
                ModuleEntry(
                    kind: .passwordProvider, name: ldapProvider,
                    config: options.object("ldap_config").map { .object($0) },
                    path: ["ldap_config"], webPath: nil, location: ldap.location))
        }
        for entry in list("password_providers", .passwordProvider, in: options) {
            guard entry.config != nil else {
                options.log.error(
                    ConfigurationFault(
                        at: entry.location, option: (entry.path + ["config"]).joined(separator: "."),
                        problem: "missing",
                        fix: "add 'config: {}'"))
                continue
            }
            let isOldName = entry.name == "synapse.util.\(ldapProvider)"
            entries.append(isOldName ? entry.renamed(ldapProvider) : entry)
        }
        return entries
    }

    private func renamed(_ name: String) -> ModuleEntry {
        ModuleEntry(kind: kind, name: name, config: config, path: path, webPath: webPath, location: location)
    }

    private static func additionalResources(_ options: OptionReader) -> [ModuleEntry] {
        var entries: [ModuleEntry] = []
        for listener in options.sections("listeners") {
            for member in listener.section("additional_resources")?.members ?? [] {
                let path = listener.path.split(separator: ".").map(String.init) + ["additional_resources", member.key]
                guard let entry = entry(member.value, .additionalResource, path, options, webPath: member.key) else {
                    continue
                }
                // Every listener serves what modules offer, so a second mention of one changes nothing.
                if !entries.contains(where: { $0.webPath == entry.webPath && $0.name == entry.name }) {
                    entries.append(entry)
                }
            }
        }
        return entries
    }

    private static func entry(
        _ node: SourceNode, _ kind: Kind, _ path: [String], _ options: OptionReader, webPath: String? = nil
    ) -> ModuleEntry? {
        func fail(_ path: [String], _ problem: String) -> ModuleEntry? {
            options.log.error(
                ConfigurationFault(
                    at: node.location, option: path.joined(separator: "."), problem: problem,
                    fix: "write 'module: NAME', and 'config:' below it if the module wants one"))
            return nil
        }
        guard node.members != nil else { return fail(path, "expected a mapping") }
        guard let name = node["module"]?.string else { return fail(path + ["module"], "expected a string") }
        let given = node["config"]?.json
        let config = given?.isNull == true ? nil : given
        return ModuleEntry(
            kind: kind, name: name, config: config, path: path, webPath: webPath, location: node.location)
    }
}
