/// Callbacks that pace the server's work on its own tables: Synapse's [background update controller
/// callbacks](https://element-hq.github.io/synapse/latest/modules/background_update_controller_callbacks.html)
/// (Synapse 1.49).
///
/// The first module that registers them is the only one: others are told so in the log.
public struct BackgroundUpdateController: Sendable {
    /// Lets the next piece of work begin, `on_update`, when it returns.
    public typealias OnUpdate = @Sendable (_ update: BackgroundUpdate) async throws -> BackgroundUpdateTurn

    /// How many rows to begin with, `default_batch_size`, or at least to do at once, `min_batch_size`.
    public typealias BatchSize = @Sendable (_ update: BackgroundUpdate) async throws -> Int

    public var onUpdate: OnUpdate
    /// `nil`: 100.
    public var defaultBatchSize: BatchSize?
    /// `nil`: the configured number.
    public var minimumBatchSize: BatchSize?

    public init(
        onUpdate: @escaping OnUpdate, defaultBatchSize: BatchSize? = nil, minimumBatchSize: BatchSize? = nil
    ) {
        self.onUpdate = onUpdate
        self.defaultBatchSize = defaultBatchSize
        self.minimumBatchSize = minimumBatchSize
    }
}

/// A long piece of work that is done bit by bit.
public struct BackgroundUpdate: Hashable, Sendable {
    public var name: String
    public var database: String
    /// Whether it is done in one go, so that how long it takes cannot be chosen.
    public var isOneShot: Bool

    public init(name: String, database: String, isOneShot: Bool = false) {
        self.name = name
        self.database = database
        self.isOneShot = isOneShot
    }
}

/// A bit of such work that may be done now.
public struct BackgroundUpdateTurn: Sendable {
    /// How long it should take.
    public var duration: Duration
    /// Called when it is done, or has failed.
    public var onEnd: @Sendable () async throws -> Void

    public init(duration: Duration, onEnd: @escaping @Sendable () async throws -> Void = {}) {
        self.duration = duration
        self.onEnd = onEnd
    }
}
