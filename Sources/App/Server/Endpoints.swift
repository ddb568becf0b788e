import AdminAPI
import ClientAPI
import Homeserver
import MatrixCore
import ServerConfiguration
import WebServer

extension Services {
    /// Everything that is served.
    func endpoints(_ configuration: Configuration) -> [any EndpointGroup] {
        let client = ClientServices(
            accounts: .init(
                accounts: accounts, logins: logins, registration: registration, interactiveAuth: interactiveAuth,
                devices: devices, profiles: profiles, passwords: passwords, deactivation: deactivation,
                renewal: AccountRenewalService(modules: registry)),
            rooms: .init(
                creation: creation, rooms: rooms, memberships: memberships, reader: reader, directory: directory,
                sync: sync, filters: filters, accountData: accountData),
            discovery: discovery(configuration.wellKnown))
        return ClientAPI.endpoints(for: client) + [
            Register(registration: sharedSecretRegistration), ServerVersion(version: Version.current), HealthPage(),
            AdminAPI.AccountValidity(renewal: AccountRenewalService(modules: registry)),
        ] + (configuration.metricsEnabled ? [MetricsPage(metrics)] : [])
            + (configuration.webClientLocation.map { [RootPage(location: $0)] } ?? [])
    }

    private func discovery(_ settings: WellKnownSettings) -> ClientDiscovery {
        var discovery = ClientDiscovery(publicBaseURL: settings.servesClient ? settings.publicBaseURL : nil)
        discovery.identityServer = settings.identityServer
        discovery.extraContent = settings.clientContent
        return discovery
    }
}

/// Sends a browser that comes to `/` to the web client (`web_client_location`).
private struct RootPage: EndpointGroup {
    let location: String

    var endpoints: [Endpoint] { [.get("/", .anyone, redirect)] }

    @Sendable func redirect(_ call: Call) -> Reply { .redirect(to: location) }
}
