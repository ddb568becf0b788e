import MatrixCore
import Testing

@testable import ServerConfiguration

@Suite struct ConfigurationTests {
    @Test func `the least configuration has Synapse's defaults`() throws {
        let configuration = try Configuration.load(yaml: minimal)
        #expect(configuration.serverName.string == "example.com")
        #expect(configuration.warnings == [])
        #expect(configuration.registration.isOpen == false)
        #expect(configuration.registration.bcryptRounds == 12)
        #expect(configuration.rateLimits.message == RateLimit(perSecond: 0.2, burstCount: 10))
        #expect(configuration.rateLimits.loginFailedAttempts == RateLimit(perSecond: 0.17, burstCount: 3))
        #expect(configuration.rateLimits.profile == nil)
        #expect(configuration.rooms.defaultVersion == .standard)
        #expect(configuration.rooms.filterTimelineLimit == 100)
        #expect(configuration.passwords.mode == .enabled)
        #expect(configuration.sessions.effectiveTokenLifetime == nil)
        #expect(configuration.wellKnown.publicBaseURL == "https://example.com/")
        #expect(configuration.wellKnown.servesClient == false)
        #expect(configuration.database == .sqlite(SQLiteSettings(path: "./homeserver.db")))
        #expect(configuration.missingFiles == [.signingKey(path: "./example.com.signing.key")])
        #expect(configuration.moduleSettings.callbackTimeout == .seconds(30))
        #expect(
            configuration.listeners.first?.address == .tcp(hosts: ["::", "0.0.0.0"], port: 8008))
    }

    @Test func `every fault is told at once, with line, option and how to mend it`() {
        let found = faults(
            """
            server_name: "https://example.com"
            listeners:
              - port: 80080
                type: http
              - type: htp
                port: 1
              - port: 8008
                type: http
                tls: true
                resources: [{names: [clients]}]
            enable_registration: "yes"
            session_lifetime: 5 days
            registration_shared_secret: 12345
            default_room_version: "13"
            rc_message: {per_second: -1}
            password_config: [pepper]
            encryption_enabled_by_default_for_room_type: some
            """)
        #expect(
            found == [
                "homeserver.yaml:1: option 'server_name': 'https://example.com' is not a server name; write a domain "
                    + "without 'https://' and '/', with ':port' only if users' IDs are meant to have it",
                "homeserver.yaml:3: option 'listeners.<item 0>.port': 80080 is out of range; use a number from 0 to 65535",
                "homeserver.yaml:5: option 'listeners.<item 1>.type': 'htp' is not known; use one of: http, metrics, manhole",
                "homeserver.yaml:9: option 'listeners.<item 2>.tls': there is no certificate to use; set "
                    + "'tls_certificate_path' and 'tls_private_key_path', or 'tls: false' behind a reverse proxy",
                "homeserver.yaml:10: option 'listeners.<item 2>.resources.<item 0>.names': 'clients' is not a resource; "
                    + "use some of: client, consent, federation, health, keys, media, metrics, openid, replication, static",
                "homeserver.yaml:11: option 'enable_registration': expected true or false, found a string; "
                    + "write 'true' or 'false', without quotes",
                "homeserver.yaml:12: option 'session_lifetime': is not a duration; write a number followed by s, m, h, d, "
                    + "w or y, such as '5m', or a number of milliseconds",
                "homeserver.yaml:13: option 'registration_shared_secret': expected a string, found a whole number; "
                    + "put the value in quotes",
                "homeserver.yaml:14: option 'default_room_version': '13' is not a room version this server knows; use one "
                    + "of: '1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12'",
                "homeserver.yaml:15: option 'rc_message.per_second': is negative or not a number; use 0 or more",
                "homeserver.yaml:16: option 'password_config': expected a mapping, found a list; "
                    + "write 'name: value' pairs, indented, on the lines below",
                "homeserver.yaml:17: option 'encryption_enabled_by_default_for_room_type': not understood; "
                    + "use 'all', 'invite' or 'off'",
            ])
    }

    @Test func `a server name is needed`() {
        #expect(
            faults("listeners: [{port: 1, type: http, resources: [{names: client}]}]") == [
                "homeserver.yaml: option 'server_name': missing; add 'server_name: your.domain'; it can never be changed later"
            ])
    }

    @Test func `a JSON file is a configuration`() throws {
        let configuration = try Configuration.load(
            yaml: """
                {"server_name": "example.com", "default_room_version": "10",
                 "listeners": [{"port": 8008, "type": "http", "resources": [{"names": ["client"]}]}],
                 "rc_joins": {"local": {"per_second": 5}}}
                """, file: "homeserver.json")
        #expect(configuration.rooms.defaultVersion == .v10)
        #expect(configuration.rateLimits.joinsLocal == RateLimit(perSecond: 5, burstCount: 10))
    }

    @Test func `open registration needs a check`() throws {
        #expect(faults(minimal + "enable_registration: true\n").first?.contains("spam and abuse") == true)
        #expect(faults(minimal + "enable_registration: true\nregistration_requires_token: true\n") == [])
        let configuration = try Configuration.load(
            yaml: minimal + "enable_registration: true\nenable_registration_without_verification: true\n")
        #expect(configuration.registration.isOpen)
    }

    @Test func `secrets are read from files`() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write("secret", "  abc\n")
        let configuration = try Configuration.load(yaml: minimal + "registration_shared_secret_path: \(file)\n")
        #expect(configuration.registration.sharedSecret == "abc")
        let both = faults(minimal + "registration_shared_secret_path: \(file)\nregistration_shared_secret: x\n")
        #expect(both.first?.contains("given together with 'registration_shared_secret_path'") == true)
    }

    @Test func `missing keys and secrets are written once`() throws {
        let directory = try TemporaryDirectory()
        let yaml =
            minimal + """
                signing_key_path: \(directory.path)/signing.key
                registration_shared_secret_path: \(directory.path)/secret

                """
        var configuration = try Configuration.load(yaml: yaml)
        #expect(configuration.signingKeys.isEmpty && configuration.registration.sharedSecret == nil)
        var generator = SeededGenerator()
        let written = try configuration.writeMissingFiles(using: &generator)
        #expect(written.count == 2)
        #expect(configuration.signingKeys.count == 1)
        #expect(try configuration.writeMissingFiles(using: &generator) == [])
        let again = try Configuration.load(yaml: yaml)
        #expect(again.missingFiles == [])
        #expect(again.signingKeys.first?.fileLine == configuration.signingKeys.first?.fileLine)
        #expect(again.registration.sharedSecret == configuration.registration.sharedSecret)
    }

    @Test func `a file that is no signing key is refused`() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write("signing.key", "ed25519 a_AbCd short\n")
        let found = faults(minimal + "signing_key_path: \(file)\n")
        #expect(
            found.first?.contains("option 'signing_key_path': line 1 of it is no signing key; a line should") == true)
    }

    @Test func `times and modes of sessions, passwords and presence are read`() throws {
        let configuration = try Configuration.load(
            yaml: minimal + """
                session_lifetime: 24h
                nonrefreshable_access_token_lifetime: 1h
                ui_auth: {session_timeout: 15s}
                password_config:
                  enabled: only_for_reauth
                  localdb_enabled: false
                  pepper: salt
                  policy: {enabled: true, minimum_length: 15, require_digit: true}
                presence: {enabled: untracked}
                encryption_enabled_by_default_for_room_type: off

                """)
        #expect(configuration.sessions.effectiveTokenLifetime == .seconds(3600))
        #expect(configuration.sessions.confirmationTimeout == .seconds(15))
        #expect(configuration.passwords.mode == .reauthenticationOnly)
        #expect(configuration.passwords.pepper == "salt" && !configuration.passwords.checksOwnHashes)
        #expect(configuration.passwords.policy?.minimumLength == 15)
        #expect(configuration.presence == .untracked)
        #expect(configuration.rooms.encryptionByDefault == .never)
        #expect(configuration.warnings == [])
    }

    @Test func `room options are read`() throws {
        let configuration = try Configuration.load(
            yaml: minimal + """
                default_room_version: 9
                filter_timeline_limit: -1
                default_power_level_content_override:
                  private_chat: {events: {m.room.name: 0}}
                  public_chat: null
                room_prejoin_state:
                  additional_event_types: [org.example.a, [org.example.b, key]]
                exclude_rooms_from_sync: ["!a:example.com"]
                encryption_enabled_by_default_for_room_type: invite

                """)
        #expect(configuration.rooms.defaultVersion == .v9)
        #expect(configuration.rooms.filterTimelineLimit == nil)
        #expect(configuration.rooms.powerLevelOverrides == ["private_chat": ["events": ["m.room.name": 0]]])
        #expect(configuration.rooms.additionalPrejoinEvents.map(\.stateKey) == [nil, "key"])
        #expect(configuration.rooms.excludedFromSync.count == 1)
        #expect(configuration.rooms.encryptionByDefault == .invitedOnly)
    }

    @Test func `modules are listed in order, with Synapse's errors`() throws {
        let configuration = try Configuration.load(
            yaml: minimal + "modules: [{module: a.B, config: {x: 1}}, {module: c.D}, {module: e.F, config: null}]\n")
        #expect(configuration.modules.map(\.name) == ["a.B", "c.D", "e.F"])
        #expect(configuration.modules.map(\.config) == [["x": 1], nil, nil])
        #expect(configuration.modules.map(\.path) == (0..<3).map { ["modules", "<item \($0)>"] })
        let found = faults(minimal + "modules:\n  - just.a.Name\n  - {config: {}}\n  - {module: 3}\n")
        #expect(
            found.map { $0.split(separator: ";")[0] } == [
                "homeserver.yaml:4: option 'modules.<item 0>': expected a mapping",
                "homeserver.yaml:5: option 'modules.<item 1>.module': expected a string",
                "homeserver.yaml:6: option 'modules.<item 2>.module': expected a string",
            ])
        #expect(try Configuration.load(yaml: minimal + "modules:\n").modules.isEmpty)
    }

    @Test func `modules of the older sections come after the others, in Synapse's order`() throws {
        let configuration = try Configuration.load(
            yaml: minimal + """
                password_providers:
                - {module: synapse.util.ldap_auth_provider.LdapAuthProvider, config: {uri: x}}
                - {module: d.Passwords, config: {}}
                ldap_config: {enabled: true, uri: y}
                presence: {enabled: true, presence_router: {module: c.Router}}
                third_party_event_rules: {module: b.Rules, config: {x: 1}}
                spam_checker: [{module: a.First}, {module: a.Second}]
                modules: [{module: new.Module}]

                """)
        let ldap = "ldap_auth_provider.LdapAuthProvider"
        #expect(
            configuration.modules.map(\.name)
                == ["new.Module", "a.First", "a.Second", "b.Rules", "c.Router", ldap, ldap, "d.Passwords"])
        #expect(
            configuration.modules.map(\.kind) == [
                .module, .spamChecker, .spamChecker, .thirdPartyEventRules, .presenceRouter, .passwordProvider,
                .passwordProvider, .passwordProvider,
            ])
        #expect(configuration.modules[4].path == ["presence", "presence_router"])
    }

    @Test func `a spam checker may also be a single mapping, but nothing else`() throws {
        let configuration = try Configuration.load(yaml: minimal + "spam_checker: {module: a.B}\n")
        #expect(configuration.modules.map(\.path) == [["spam_checker"]])
        #expect(faults(minimal + "spam_checker: a.B\n").first?.contains("spam_checker syntax is incorrect") == true)
        #expect(try Configuration.load(yaml: minimal + "spam_checker: {}\n").modules.isEmpty)
    }

    @Test func `a password provider needs a configuration`() {
        let found = faults(minimal + "password_providers: [{module: a.B}]\n")
        #expect(found.count == 1 && found[0].contains("password_providers.<item 0>.config"))
    }

    @Test func `additional resources of listeners are modules, each once`() throws {
        let listener =
            "{port: 1, type: http, resources: [{names: [client]}], additional_resources: {/x: {module: a.B}}}"
        let configuration = try Configuration.load(
            yaml: "server_name: example.com\nlisteners: [\(listener), \(listener)]\n")
        #expect(configuration.modules.map(\.webPath) == ["/x"])
        #expect(configuration.modules.map(\.path) == [["listeners", "<item 0>", "additional_resources", "/x"]])
    }

    @Test func `well-known answers are configured`() throws {
        let configuration = try Configuration.load(
            yaml: minimal + """
                public_baseurl: https://matrix.example.com
                serve_server_wellknown: true
                extra_well_known_client_content: {org.example: {a: [1]}}

                """)
        #expect(configuration.wellKnown.publicBaseURL == "https://matrix.example.com/")
        #expect(configuration.wellKnown.servesClient && configuration.wellKnown.servesServer)
        #expect(configuration.wellKnown.clientContent == ["org.example": ["a": [1]]])
        #expect(faults(minimal + "public_baseurl: matrix.example.com\n").count == 1)
    }
}

@Suite struct RegistrationAccessTests {
    func access(_ yaml: String) throws -> RegistrationAccess {
        let directory = try TemporaryDirectory()
        return try RegistrationAccess.read([directory.write("homeserver.yaml", yaml)])
    }

    @Test(arguments: [
        ("[{port: 8008, type: http, resources: [{names: [client]}]}]", "http://127.0.0.1:8008"),
        ("[{port: 1, type: http, bind_addresses: ['::1'], resources: [{names: [client]}]}]", "http://[::1]:1"),
        ("[{port: 1, type: http, bind_addresses: ['::'], resources: [{names: [client]}]}]", "http://[::1]:1"),
        (
            """
            [{port: 9, type: metrics}, {port: 1, type: http, tls: true, resources: [{names: [client]}]},
              {port: 2, type: http, bind_addresses: [10.0.0.1], resources: [{names: [client]}]}]
            """, "http://10.0.0.1:2"
        ),
        ("[{path: /a, type: http, resources: [{names: [client]}]}]", nil), ("[{port: nonsense}]", nil),
    ])
    func `the secret and a listener are found, whatever else is wrong`(listeners: String, url: String?) throws {
        let found = try access("server_name: 1\nlisteners: \(listeners)\nregistration_shared_secret: abc\n")
        #expect(found == RegistrationAccess(sharedSecret: "abc", url: url))
    }

    @Test func `a configuration without the secret is at fault`() {
        let error = #expect(throws: ConfigurationError.self) { try access("server_name: a\n") }
        #expect(error?.description.contains("option 'registration_shared_secret': missing; set it to") == true)
    }
}
