import KeywordFilter
import MatrixCore
import ModuleAPI
import ModuleTesting
import Testing

struct KeywordFilterTests {
    @Test(arguments: ["Come to my casino!", "CASINO", "a casino, a bar", "casino"])
    func `a message with a refused word is denied`(body: String) async throws {
        #expect(try await answer(to: ["body": .string(body)]) == .deny())
    }

    @Test(arguments: ["Come to my café", "casinos", "ca sino", ""])
    func `a message without one is allowed`(body: String) async throws {
        #expect(try await answer(to: ["body": .string(body)]) == .allow)
    }

    @Test func `the formatted text is looked at too`() async throws {
        #expect(try await answer(to: ["body": "hi", "formatted_body": "<b>casino</b>"]) == .deny())
    }

    @Test func `the new text of an edit is looked at too`() async throws {
        #expect(try await answer(to: ["body": "* hi", "m.new_content": ["body": "casino"]]) == .deny())
    }

    @Test func `a message with no text at all is allowed`() async throws {
        #expect(try await answer(to: ["body": 1]) == .allow)
    }

    @Test func `events other than messages are allowed`() async throws {
        #expect(try await answer(to: ["body": "casino"], type: .topic) == .allow)
    }

    @Test func `case counts if it is said to`() async throws {
        let configuration: JSONObject = ["words": ["Casino"], "case_sensitive": true]
        #expect(try await answer(to: ["body": "casino"], under: configuration) == .allow)
        #expect(try await answer(to: ["body": "Casino"], under: configuration) == .deny())
    }

    @Test(
        arguments: [
            ([:], ["words"]),
            (["words": "casino"], ["words"]),
            (["words": []], ["words"]),
            (["words": ["casino", 1]], ["words", "<item 1>"]),
            (["words": ["two words"]], ["words", "<item 0>"]),
            (["words": ["casino"], "case_sensitive": "no"], ["case_sensitive"]),
            (["words": ["casino"], "wrods": []], ["wrods"]),
        ] as [(JSONObject, [String])])
    func `a configuration error names the option`(configuration: JSONObject, path: [String]) {
        let error = #expect(throws: ConfigurationError.self) {
            try KeywordFilter.parseConfiguration(configuration)
        }
        #expect(error?.path == path)
    }

    /// The module's answer to an event with this content.
    private func answer(
        to content: JSONObject, type: EventType = .message, under configuration: JSONObject = ["words": ["casino"]]
    ) async throws -> SpamAnswer {
        let context = TestContext()
        _ = KeywordFilter(configuration: try KeywordFilter.parseConfiguration(configuration), context: context)
        return try await context.checkEventForSpam(.test(type, content))
    }
}
