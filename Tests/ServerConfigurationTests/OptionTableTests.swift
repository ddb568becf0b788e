import Foundation
import MatrixCore
import Testing

@testable import ServerConfiguration

@Suite struct OptionTableTests {
    /// The names in `Tests/Fixtures/synapse-config.csv`, the options of Synapse's manual.
    static let fixture: [String] = {
        let path = Files.directory(of: Files.directory(of: #filePath)) + "/Fixtures/synapse-config.csv"
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        return text.split(whereSeparator: \.isNewline).dropFirst().compactMap { line in
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            return fields.count > 1 ? String(fields[1]) : nil
        }
    }()

    @Test func `every option of Synapse's manual is in the table`() {
        #expect(Self.fixture.count > 600)
        let missing = Self.fixture.filter { OptionTable.byName[$0] == nil }
        #expect(missing == [])
    }

    @Test func `the table holds no option that Synapse's manual does not have`() {
        let known = Set(Self.fixture)
        let surplus = OptionTable.synapse.flatMap(\.flattened).map(\.name).filter { !known.contains($0) }
        #expect(surplus == [])
        let repeated = OptionTable.additions.flatMap(\.flattened).map(\.name).filter(known.contains)
        #expect(repeated == [])
    }

    @Test func `no option is in the table twice`() {
        let names = (OptionTable.synapse + OptionTable.additions).flatMap(\.flattened).map(\.name)
        #expect(Dictionary(grouping: names, by: \.self).filter { $0.value.count > 1 }.keys.sorted() == [])
    }

    @Test func `an unknown option is warned about with the one that was meant`() throws {
        let configuration = try Configuration.load(
            yaml: minimal + "enable_registraton: true\nrc_message: {per_secnd: 1}\npepper: x\nzzzz: 1\n")
        let warnings = configuration.warnings.map(\.description)
        #expect(
            warnings == [
                "homeserver.yaml:3: option 'enable_registraton': unknown option, ignored; did you mean 'enable_registration'?",
                "homeserver.yaml:4: option 'rc_message.per_secnd': unknown option, ignored; "
                    + "did you mean 'rc_message.per_second'?",
                "homeserver.yaml:5: option 'pepper': unknown option, ignored; did you mean 'password_config.pepper'?",
                "homeserver.yaml:6: option 'zzzz': unknown option, ignored",
            ])
    }

    @Test func `options not supported yet are named in one warning`() throws {
        let configuration = try Configuration.load(
            yaml: minimal + """
                email: {smtp_host: mail.example.com, enable_notifs: true}
                enable_search: false
                url_preview_enabled: false
                oidc_providers: []
                cas_config: {enabled: false, server_url: x}
                presence: {enabled: true, idle_timeout: 10m}
                experimental_features: {msc3266_enabled: true, msc2815_enabled: true, msc3912_enabled: false}

                """)
        #expect(
            configuration.warnings.map(\.description) == [
                "homeserver.yaml:3: set but not supported yet, without effect: email.enable_notifs, enable_search, "
                    + "presence.idle_timeout, experimental_features.msc2815_enabled",
                "homeserver.yaml:9: option 'experimental_features.msc3266_enabled': unknown option, ignored",
            ])
    }

    @Test(arguments: [
        "matrix_authentication_service: {enabled: true, secret: x}", "limit_usage_by_mau: true",
        "enable_registration_captcha: true", "registrations_require_3pid: [email]",
        "databases: {main: {name: sqlite3}}",
        "app_service_config_files: [bridge.yaml]", "worker_app: synapse.app.generic_worker",
        "user_consent: {require_at_registration: true}", "account_validity: {enabled: true, period: 6w}",
        "experimental_features: {msc3866: {enabled: true, require_approval_for_new_accounts: true}}",
    ])
    func `what is not safe to ignore stops the start`(yaml: String) {
        let found = faults(minimal + yaml + "\n")
        #expect(found.count == 1)
        #expect(found.first?.contains("not supported, and not safe to ignore") == true)
        #expect(found.first?.hasPrefix("homeserver.yaml:3: option '\(yaml.prefix { $0 != ":" })") == true)
    }

    @Test(arguments: [
        "matrix_authentication_service: {enabled: false}", "limit_usage_by_mau: false",
        "enable_registration_captcha: false",
        "registrations_require_3pid: []", "databases: {}", "app_service_config_files:", "worker_app: null",
        "user_consent: {require_at_registration: false}", "account_validity: {enabled: false}",
    ])
    func `what asks for nothing is no matter`(yaml: String) throws {
        #expect(faults(minimal + yaml + "\n") == [])
    }

    @Test func `the documentation's table names every option`() {
        let text = OptionTable.markdown()
        for option in OptionTable.synapse.flatMap(\.options) { #expect(text.contains("`\(option.name)`")) }
    }

    @Test(arguments: [("abc", "abc", 0), ("abc", "acb", 1), ("abc", "ab", 1), ("", "abc", 3), ("kitten", "sitting", 3)])
    func `edit distance counts swapped neighbours once`(from: String, to: String, distance: Int) {
        #expect(editDistance(Array(from.utf8), Array(to.utf8)) == distance)
    }
}
