import AdminAPI
import ClientAPI
import Homeserver
import MatrixCore
import ServerConfiguration
import WebServer

extension Services {
    /// Everything that is served.
    func endpoints(_ configuration: Configuration) -> [any EndpointGroup] {
        var discovery = ClientDiscovery(
            publicBaseURL: configuration.wellKnown.servesClient ? configuration.wellKnown.publicBaseURL : nil)
        discovery.identityServer = configuration.wellKnown.identityServer
        discovery.extraContent = configuration.wellKnown.clientContent
        return [
            Versions(), Wellknown(discovery: discovery),
            Capabilities(profiles: profiles.settings, defaultRoomVersion: configuration.rooms.defaultVersion),
            LoginEndpoints(accounts: accounts, limits: limiter, discovery: discovery),
            Registration(registration: registration), RegistrationTokens(registration: registration),
            Logout(devices: devices), Whoami(), DeviceManagement(devices: devices, interactiveAuth: interactiveAuth),
            Profile(profiles: profiles), Filter(filters: filters),
            Register(registration: sharedSecretRegistration), ServerVersion(version: Version.current),
        ]
    }
}
