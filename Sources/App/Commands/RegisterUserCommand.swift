import ArgumentParser
import MatrixCore
import ServerConfiguration

/// `axolemma register-user`, with the options of Synapse's `register_new_matrix_user`.
struct RegisterUserCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "register-user",
        abstract: "Make an account on a running server.",
        discussion: """
            Works also where registration is closed, by the 'registration_shared_secret'
            of the configuration. Asks for what is not given.

              axolemma register-user -c homeserver.yaml
              axolemma register-user -c homeserver.yaml --user alice --admin \\
                --password-file secret.txt
              axolemma register-user -k SECRET --user bob https://matrix.example.com
            """)

    @Option(name: .shortAndLong, help: "The part of the new user's ID before the colon.")
    var user: String?

    @Option(name: .shortAndLong, help: "The password. Others on this machine may see it; rather let yourself be asked.")
    var password: String?

    @Option(help: ArgumentHelp("A file that holds the password.", valueName: "file"))
    var passwordFile: String?

    @Flag(name: .shortAndLong, help: "Make the user an administrator of the server.")
    var admin = false

    @Flag(help: "Make an ordinary user, without asking.")
    var noAdmin = false

    @Option(
        name: [.customShort("t"), .customLong("user_type"), .customLong("user-type")],
        help: ArgumentHelp("A special type of user: support or bot.", valueName: "type"))
    var userType: String?

    @Flag(help: "Count it as a success if the user exists already; the account is left as it is.")
    var existsOk = false

    @Option(
        name: [.customShort("c"), .customLong("config"), .customLong("config-path")],
        help: ArgumentHelp("The server's configuration, for the shared secret and the URL.", valueName: "file"))
    var configurationPaths: [String] = []

    @Option(name: [.customShort("k"), .long], help: ArgumentHelp("The shared secret itself.", valueName: "secret"))
    var sharedSecret: String?

    @Flag(name: .customLong("no-certificate-check"), help: "Do not check the server's certificate.")
    var skipsCertificateCheck = false

    @Argument(
        help: "The server's URL (default: that of the configuration's first listener, else http://localhost:8008).")
    var serverURL: String?

    func validate() throws {
        if configurationPaths.isEmpty == (sharedSecret == nil) {
            throw ValidationError("Name either the configuration, with -c, or the shared secret, with -k.")
        }
        if admin, noAdmin { throw ValidationError("--admin and --no-admin exclude each other.") }
        if password != nil, passwordFile != nil {
            throw ValidationError("--password and --password-file exclude each other.")
        }
    }

    func run() async throws {
        let access =
            try sharedSecret.map { RegistrationAccess(sharedSecret: $0, url: nil) }
            ?? reportingFaults { () throws(ConfigurationError) in try RegistrationAccess.read(configurationPaths) }
        let url = serverURL ?? access.url ?? "http://localhost:8008"
        guard let server = HTTPRequest(url: url, checksCertificate: !skipsCertificateCheck) else {
            throw ValidationError("'\(url)' is not a web address; write it with http:// or https:// in front.")
        }
        let registration = UserRegistration(
            localpart: try chosenUser(), password: try chosenPassword(), isAdmin: chosenAdmin(), userType: userType)
        do {
            switch try await registration.run(secret: access.sharedSecret, send: server.send) {
            case .registered(let user): print("Registered \(user).")
            case .existsAlready where existsOk: print("\(registration.localpart) exists already, left as it is.")
            case .existsAlready:
                StandardError.print(
                    "The user \(registration.localpart) exists already; choose another name, or add --exists-ok")
                throw ExitCode.failed
            }
        } catch let error as UserRegistration.Refusal {
            StandardError.print("Not registered: \(error)")
            throw ExitCode.failed
        } catch let error as HTTPRequest.Failure {
            StandardError.print("Not registered: \(error). Is the server running at \(url)?")
            throw ExitCode.failed
        }
    }

    private func chosenUser() throws -> String {
        if let user { return user }
        let suggestion = Terminal.userName
        let question = suggestion.map { "New user localpart [\($0)]: " } ?? "New user localpart: "
        let answer = Terminal.ask(question)
        if let answer, !answer.isEmpty { return answer }
        guard let suggestion else { throw ValidationError("Name the user, with --user.") }
        return suggestion
    }

    private func chosenPassword() throws -> String {
        if let passwordFile {
            return try reportingFaults { () throws(ConfigurationError) in
                do throws(Files.Failure) {
                    return String(decoding: try Files.read(passwordFile, limit: 1 << 16), as: UTF8.self).trimmed()
                } catch {
                    throw ConfigurationError(
                        ConfigurationFault(at: SourceLocation(file: passwordFile), problem: "cannot be read: \(error)"))
                }
            }
        }
        if let password { return password }
        guard let answer = Terminal.askSecretly("Password: "), !answer.isEmpty else {
            throw ValidationError("The password cannot be empty.")
        }
        guard Terminal.askSecretly("Confirm password: ") == answer else {
            throw ValidationError("The passwords do not match.")
        }
        return answer
    }

    private func chosenAdmin() -> Bool {
        if admin || noAdmin { return admin }
        let answer = Terminal.ask("Make admin [no]: ")?.lowercased() ?? ""
        return ["y", "yes", "true"].contains(answer)
    }
}
