import ServiceLifecycle

/// Deletes what accounts leave behind: user-interactive authentication that was never finished.
package struct AccountUpkeep: Service {
    private let interactiveAuth: UserInteractiveAuth
    private let interval: Duration

    /// - Parameter interval: How often it looks.
    package init(interactiveAuth: UserInteractiveAuth, interval: Duration = .seconds(3600)) {
        self.interactiveAuth = interactiveAuth
        self.interval = interval
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: self.interval)) != nil { try? await self.interactiveAuth.removeExpired() }
        }
    }
}
