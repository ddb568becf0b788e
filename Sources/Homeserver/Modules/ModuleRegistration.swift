import Logging
import MatrixCore
package import ModuleAPI

/// The callbacks of each name, in the order they are called.
struct ModuleCallbacks: Sendable {
    typealias Entries<Callback: Sendable> = [ModuleRegistry.Entry<Callback>]

    var checkEventForSpam: Entries<SpamChecker.CheckEventForSpam> = []
    var shouldDropFederatedEvent: Entries<SpamChecker.ShouldDropFederatedEvent> = []
    var userMaySendStateEvent: Entries<SpamChecker.UserMaySendStateEvent> = []
    var userMayJoinRoom: Entries<SpamChecker.UserMayJoinRoom> = []
    var userMayInvite: Entries<SpamChecker.UserMayInvite> = []
    var federatedUserMayInvite: Entries<SpamChecker.FederatedUserMayInvite> = []
    var userMaySendThreepidInvite: Entries<SpamChecker.UserMaySendThreepidInvite> = []
    var userMayCreateRoom: Entries<SpamChecker.UserMayCreateRoom> = []
    var userMayCreateRoomAlias: Entries<SpamChecker.UserMayCreateRoomAlias> = []
    var userMayPublishRoom: Entries<SpamChecker.UserMayPublishRoom> = []
    var checkUsernameForSpam: Entries<SpamChecker.CheckUsernameForSpam> = []
    var checkRegistrationForSpam: Entries<SpamChecker.CheckRegistrationForSpam> = []
    var checkLoginForSpam: Entries<SpamChecker.CheckLoginForSpam> = []
    var checkMediaFileForSpam: Entries<SpamChecker.CheckMediaFileForSpam> = []

    var checkEventAllowed: Entries<ThirdPartyRules.CheckEventAllowed> = []
    var onCreateRoom: Entries<ThirdPartyRules.OnCreateRoom> = []
    var checkThreepidCanBeInvited: Entries<ThirdPartyRules.CheckThreepidCanBeInvited> = []
    var checkVisibilityCanBeModified: Entries<ThirdPartyRules.CheckVisibilityCanBeModified> = []
    var onNewEvent: Entries<ThirdPartyRules.OnNewEvent> = []
    var checkCanShutdownRoom: Entries<ThirdPartyRules.CheckCanShutdownRoom> = []
    var checkCanDeactivateUser: Entries<ThirdPartyRules.CheckCanDeactivateUser> = []
    var onProfileUpdate: Entries<ThirdPartyRules.OnProfileUpdate> = []
    var onUserDeactivationStatusChanged: Entries<ThirdPartyRules.OnUserDeactivationStatusChanged> = []
    var onAddUserThirdPartyIdentifier: Entries<ThirdPartyRules.OnThreepid> = []
    var onRemoveUserThirdPartyIdentifier: Entries<ThirdPartyRules.OnThreepid> = []
    var onThreepidBind: Entries<ThirdPartyRules.OnThreepid> = []

    var getUsersForStates: Entries<PresenceRouter.GetUsersForStates> = []
    var getInterestedUsers: Entries<PresenceRouter.GetInterestedUsers> = []

    var isUserExpired: Entries<AccountValidity.IsUserExpired> = []
    var onUserRegistration: Entries<AccountValidity.OnUserRegistration> = []
    var onUserLogin: Entries<AccountValidity.OnUserLogin> = []
    var onLegacySendMail: Entries<AccountValidity.OnLegacySendMail> = []
    var onLegacyRenew: Entries<AccountValidity.OnLegacyRenew> = []
    var onLegacyAdminRequest: Entries<AccountValidity.OnLegacyAdminRequest> = []

    var authCheckers: Entries<AuthChecker> = []
    var checkThreepidAuth: Entries<PasswordAuthProvider.CheckThreepidAuth> = []
    var onLoggedOut: Entries<PasswordAuthProvider.OnLoggedOut> = []
    var isThreepidAllowed: Entries<PasswordAuthProvider.IsThreepidAllowed> = []
    var getUsernameForRegistration: Entries<PasswordAuthProvider.GetNameForRegistration> = []
    var getDisplayNameForRegistration: Entries<PasswordAuthProvider.GetNameForRegistration> = []

    var onAccountDataUpdated: Entries<AccountDataCallbacks.OnAccountDataUpdated> = []
    var onBackgroundUpdate: Entries<BackgroundUpdateController.OnUpdate> = []
    var defaultBatchSize: Entries<BackgroundUpdateController.BatchSize> = []
    var minimumBatchSize: Entries<BackgroundUpdateController.BatchSize> = []
    var getMediaConfigForUser: Entries<MediaRepositoryCallbacks.GetMediaConfig> = []
    var isUserAllowedToUploadMediaOfSize: Entries<MediaRepositoryCallbacks.IsUploadAllowed> = []
    var getMediaUploadLimitsForUser: Entries<MediaRepositoryCallbacks.GetUploadLimits> = []
    var onMediaUploadLimitExceeded: Entries<MediaRepositoryCallbacks.OnUploadLimitExceeded> = []
    var getRatelimitOverrideForUser: Entries<RateLimitCallbacks.GetOverride> = []
    var addFieldToUnsigned: Entries<ExtraUnsignedFields.AddFields> = []
    var onEventDeliveredOverFederation: Entries<FederationCallbacks.OnEventDelivered> = []
}

/// A change of what is registered.
struct ModuleRegistration {
    let module: String
    var state: ModuleRegistry.State

    /// Appends a callback, if there is one.
    mutating func add<Callback: Sendable>(
        _ callback: Callback?, _ name: ModuleCallback,
        to list: WritableKeyPath<ModuleCallbacks, [ModuleRegistry.Entry<Callback>]>
    ) {
        guard let callback else { return }
        let target = CallbackRunner.Target(module: module, callback: name, meter: meter(of: name))
        state.callbacks[keyPath: list].append(ModuleRegistry.Entry(target: target, callback: callback))
        state.bits |= name.bit
    }

    /// The same for a callback that only one module may have.
    mutating func addOnly<Callback: Sendable>(
        _ callback: Callback?, _ name: ModuleCallback,
        to list: WritableKeyPath<ModuleCallbacks, [ModuleRegistry.Entry<Callback>]>
    ) throws(ModuleError) {
        if callback != nil, !state.callbacks[keyPath: list].isEmpty {
            throw .invalid("Tried to register \(name.name) twice")
        }
        add(callback, name, to: list)
    }

    /// The meter that counts calls of one of the module's callbacks.
    mutating func meter(of callback: ModuleCallback) -> CallbackMeter {
        state.add(module: module, language: .swift)
        if let meter = state.records[module]?.meters[callback] { return meter }
        let meter = CallbackMeter()
        state.records[module]?.meters[callback] = meter
        return meter
    }
}

/// Registering a module's callbacks, after those that are there.
extension ModuleRegistry {
    package func register(_ checker: SpamChecker, of module: String) {
        register(module) { change in
            change.add(checker.checkEventForSpam, .checkEventForSpam, to: \.checkEventForSpam)
            change.add(
                checker.shouldDropFederatedEvent, .shouldDropFederatedEvent, to: \.shouldDropFederatedEvent)
            change.add(checker.userMaySendStateEvent, .userMaySendStateEvent, to: \.userMaySendStateEvent)
            change.add(checker.userMayJoinRoom, .userMayJoinRoom, to: \.userMayJoinRoom)
            change.add(checker.userMayInvite, .userMayInvite, to: \.userMayInvite)
            change.add(checker.federatedUserMayInvite, .federatedUserMayInvite, to: \.federatedUserMayInvite)
            change.add(
                checker.userMaySendThreepidInvite, .userMaySendThreepidInvite, to: \.userMaySendThreepidInvite)
            change.add(checker.userMayCreateRoom, .userMayCreateRoom, to: \.userMayCreateRoom)
            change.add(checker.userMayCreateRoomAlias, .userMayCreateRoomAlias, to: \.userMayCreateRoomAlias)
            change.add(checker.userMayPublishRoom, .userMayPublishRoom, to: \.userMayPublishRoom)
            change.add(checker.checkUsernameForSpam, .checkUsernameForSpam, to: \.checkUsernameForSpam)
            change.add(
                checker.checkRegistrationForSpam, .checkRegistrationForSpam, to: \.checkRegistrationForSpam)
            change.add(checker.checkLoginForSpam, .checkLoginForSpam, to: \.checkLoginForSpam)
            change.add(checker.checkMediaFileForSpam, .checkMediaFileForSpam, to: \.checkMediaFileForSpam)
        }
    }

    package func register(_ rules: ThirdPartyRules, of module: String) {
        register(module) { change in
            change.add(rules.checkEventAllowed, .checkEventAllowed, to: \.checkEventAllowed)
            change.add(rules.onCreateRoom, .onCreateRoom, to: \.onCreateRoom)
            change.add(
                rules.checkThreepidCanBeInvited, .checkThreepidCanBeInvited, to: \.checkThreepidCanBeInvited)
            change.add(
                rules.checkVisibilityCanBeModified, .checkVisibilityCanBeModified,
                to: \.checkVisibilityCanBeModified)
            change.add(rules.onNewEvent, .onNewEvent, to: \.onNewEvent)
            change.add(rules.checkCanShutdownRoom, .checkCanShutdownRoom, to: \.checkCanShutdownRoom)
            change.add(rules.checkCanDeactivateUser, .checkCanDeactivateUser, to: \.checkCanDeactivateUser)
            change.add(rules.onProfileUpdate, .onProfileUpdate, to: \.onProfileUpdate)
            change.add(
                rules.onUserDeactivationStatusChanged, .onUserDeactivationStatusChanged,
                to: \.onUserDeactivationStatusChanged)
            change.add(
                rules.onAddUserThirdPartyIdentifier, .onAddUserThirdPartyIdentifier,
                to: \.onAddUserThirdPartyIdentifier)
            change.add(
                rules.onRemoveUserThirdPartyIdentifier, .onRemoveUserThirdPartyIdentifier,
                to: \.onRemoveUserThirdPartyIdentifier)
            change.add(rules.onThreepidBind, .onThreepidBind, to: \.onThreepidBind)
        }
    }

    package func register(_ router: PresenceRouter, of module: String) {
        register(module) { change in
            change.add(router.getUsersForStates, .getUsersForStates, to: \.getUsersForStates)
            change.add(router.getInterestedUsers, .getInterestedUsers, to: \.getInterestedUsers)
        }
    }

    /// - Throws: ``ModuleError/invalid(_:)`` if there is one of the `onLegacy…` callbacks already.
    package func register(_ validity: AccountValidity, of module: String) throws(ModuleError) {
        try register(module) { change throws(ModuleError) in
            change.add(validity.isUserExpired, .isUserExpired, to: \.isUserExpired)
            change.add(validity.onUserRegistration, .onUserRegistration, to: \.onUserRegistration)
            change.add(validity.onUserLogin, .onUserLogin, to: \.onUserLogin)
            try change.addOnly(validity.onLegacySendMail, .onLegacySendMail, to: \.onLegacySendMail)
            try change.addOnly(validity.onLegacyRenew, .onLegacyRenew, to: \.onLegacyRenew)
            try change.addOnly(validity.onLegacyAdminRequest, .onLegacyAdminRequest, to: \.onLegacyAdminRequest)
        }
    }

    /// - Throws: ``ModuleError/invalid(_:)`` if there is a checker for one of the login types with other fields.
    package func register(_ provider: PasswordAuthProvider, of module: String) throws(ModuleError) {
        try register(module) { change throws(ModuleError) in
            for checker in provider.authCheckers {
                let other = change.state.callbacks.authCheckers.first {
                    $0.callback.loginType.hasSameBytes(as: checker.loginType)
                }
                if let other, other.callback.fields != checker.fields {
                    throw .invalid(
                        "Modules \(other.module) and \(module) ask for different fields of login type "
                            + "\(checker.loginType): \(other.callback.fields) and \(checker.fields)")
                }
                change.add(checker, .authChecker, to: \.authCheckers)
            }
            change.add(provider.checkThreepidAuth, .checkThreepidAuth, to: \.checkThreepidAuth)
            change.add(provider.onLoggedOut, .onLoggedOut, to: \.onLoggedOut)
            change.add(provider.isThreepidAllowed, .isThreepidAllowed, to: \.isThreepidAllowed)
            change.add(
                provider.getUsernameForRegistration, .getUsernameForRegistration, to: \.getUsernameForRegistration)
            change.add(
                provider.getDisplayNameForRegistration, .getDisplayNameForRegistration,
                to: \.getDisplayNameForRegistration)
        }
    }

    package func register(_ callbacks: AccountDataCallbacks, of module: String) {
        register(module) { change in
            change.add(callbacks.onAccountDataUpdated, .onAccountDataUpdated, to: \.onAccountDataUpdated)
        }
    }

    /// Only the first controller counts; later ones are reported in the log.
    package func register(_ controller: BackgroundUpdateController, of module: String) {
        var owner: String?
        register(module) { change in
            owner = change.state.callbacks.onBackgroundUpdate.first?.module
            guard owner == nil else { return }
            change.add(controller.onUpdate, .onBackgroundUpdate, to: \.onBackgroundUpdate)
            change.add(controller.defaultBatchSize, .defaultBatchSize, to: \.defaultBatchSize)
            change.add(controller.minimumBatchSize, .minimumBatchSize, to: \.minimumBatchSize)
        }
        if let owner {
            log.warning("Module \(module) registered a background update controller, but \(owner) has it already")
        }
    }

    package func register(_ callbacks: MediaRepositoryCallbacks, of module: String) {
        register(module) { change in
            change.add(callbacks.getMediaConfigForUser, .getMediaConfigForUser, to: \.getMediaConfigForUser)
            change.add(
                callbacks.isUserAllowedToUploadMediaOfSize, .isUserAllowedToUploadMediaOfSize,
                to: \.isUserAllowedToUploadMediaOfSize)
            change.add(
                callbacks.getMediaUploadLimitsForUser, .getMediaUploadLimitsForUser,
                to: \.getMediaUploadLimitsForUser)
            change.add(
                callbacks.onMediaUploadLimitExceeded, .onMediaUploadLimitExceeded, to: \.onMediaUploadLimitExceeded)
        }
    }

    package func register(_ callbacks: RateLimitCallbacks, of module: String) {
        register(module) { change in
            change.add(
                callbacks.getRatelimitOverrideForUser, .getRatelimitOverrideForUser,
                to: \.getRatelimitOverrideForUser)
        }
    }

    package func register(_ callbacks: ExtraUnsignedFields, of module: String) {
        register(module) { change in
            change.add(callbacks.addFieldToUnsigned, .addFieldToUnsigned, to: \.addFieldToUnsigned)
        }
    }

    package func register(_ callbacks: FederationCallbacks, of module: String) {
        register(module) { change in
            change.add(
                callbacks.onEventDeliveredOverFederation, .onEventDeliveredOverFederation,
                to: \.onEventDeliveredOverFederation)
        }
    }

    /// The first resource of a path stands; later ones are reported in the log.
    /// - Throws: ``ModuleError/invalid(_:)`` once the server has started, and for a path that is none.
    package func register(_ resource: WebResource, of module: String) throws(ModuleError) {
        guard resource.path.utf8.first == UInt8(ascii: "/") else {
            throw .invalid("The path of a web resource must begin with a slash: '\(resource.path)'")
        }
        var owner: String?
        try register(module) { change throws(ModuleError) in
            guard !change.state.isWebClosed else {
                throw .invalid("Tried to register a web resource from a module after startup")
            }
            owner = change.state.web.first { $0.resource.path.hasSameBytes(as: resource.path) }?.module
            if owner == nil { change.state.web.append(ModuleWebResource(module: module, resource: resource)) }
        }
        if let owner {
            log.warning("Module \(module) registered the path \(resource.path), which module \(owner) has already")
        }
    }
}
