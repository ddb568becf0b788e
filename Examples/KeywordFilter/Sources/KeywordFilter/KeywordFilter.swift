public import MatrixCore
public import ModuleAPI

/// Refuses messages that hold one of the configured words.
///
/// ```yaml
/// modules:
///   - module: /etc/axolemma/modules/libKeywordFilter.so
///     config:
///       words: [casino, viagra]
///       case_sensitive: false
/// ```
public struct KeywordFilter: Module {
    private let configuration: Configuration

    public init(configuration: Configuration, context: any ModuleContext) {
        self.configuration = configuration
        context.register(SpamChecker(checkEventForSpam: checkEventForSpam))
        context.log.info("Refusing messages with any of \(configuration.words.count) words")
    }

    public static func parseConfiguration(_ object: JSONObject) throws -> Configuration {
        try Configuration(object)
    }

    /// Denies a message whose text holds a refused word. Other events pass.
    public func checkEventForSpam(_ event: Event) async throws -> SpamAnswer {
        guard event.type == .message, texts(of: event.content).contains(where: holdsRefusedWord) else { return .allow }
        return .deny()
    }

    /// What a person would read of a message. An edit carries its text once more, under `m.new_content`.
    private func texts(of content: JSONObject) -> [String] {
        let parts = [content, content.object("m.new_content") ?? [:]]
        return parts.flatMap { [$0.string("body"), $0.string("formatted_body")] }.compactMap { $0 }
    }

    private func holdsRefusedWord(_ text: String) -> Bool {
        let text = configuration.isCaseSensitive ? text : text.lowercased()
        return text.split { !$0.isWordCharacter }.contains { configuration.words.contains(String($0)) }
    }
}

extension KeywordFilter {
    /// What to refuse.
    public struct Configuration: Sendable {
        /// The refused words, in lower case unless case matters.
        let words: Set<String>
        let isCaseSensitive: Bool

        init(_ object: JSONObject) throws {
            for key in object.keys where key != "words" && key != "case_sensitive" {
                throw ConfigurationError("unknown option", at: key)
            }
            guard let list = object.array("words"), !list.isEmpty else {
                throw ConfigurationError("expected a list of at least one word", at: "words")
            }
            switch object["case_sensitive"] {
            case nil: isCaseSensitive = false
            case .bool(let value): isCaseSensitive = value
            default: throw ConfigurationError("expected true or false", at: "case_sensitive")
            }
            var words: Set<String> = []
            for (item, value) in list.enumerated() {
                guard let word = value.stringValue, !word.isEmpty, word.allSatisfy(\.isWordCharacter) else {
                    throw ConfigurationError("expected a word of letters and digits", at: "words", "<item \(item)>")
                }
                words.insert(isCaseSensitive ? word : word.lowercased())
            }
            self.words = words
        }
    }
}

extension Character {
    fileprivate var isWordCharacter: Bool { isLetter || isNumber }
}
