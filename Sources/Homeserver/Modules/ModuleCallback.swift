/// The callbacks a module can register.
package enum ModuleCallback: UInt8, Sendable, CaseIterable {
    case checkEventForSpam, shouldDropFederatedEvent, userMaySendStateEvent, userMayJoinRoom, userMayInvite
    case federatedUserMayInvite, userMaySendThreepidInvite, userMayCreateRoom, userMayCreateRoomAlias
    case userMayPublishRoom, checkUsernameForSpam, checkRegistrationForSpam, checkLoginForSpam, checkMediaFileForSpam

    case checkEventAllowed, onCreateRoom, checkThreepidCanBeInvited, checkVisibilityCanBeModified, onNewEvent
    case checkCanShutdownRoom, checkCanDeactivateUser, onProfileUpdate, onUserDeactivationStatusChanged
    case onAddUserThirdPartyIdentifier, onRemoveUserThirdPartyIdentifier, onThreepidBind

    case getUsersForStates, getInterestedUsers

    case isUserExpired, onUserRegistration, onUserLogin, onLegacySendMail, onLegacyRenew, onLegacyAdminRequest

    case authChecker, checkThreepidAuth, loginCallback, onLoggedOut, isThreepidAllowed
    case getUsernameForRegistration, getDisplayNameForRegistration

    case onAccountDataUpdated
    case onBackgroundUpdate, defaultBatchSize, minimumBatchSize
    case getMediaConfigForUser, isUserAllowedToUploadMediaOfSize, getMediaUploadLimitsForUser
    case onMediaUploadLimitExceeded
    case getRatelimitOverrideForUser, addFieldToUnsigned, onEventDeliveredOverFederation

    /// The bit that stands for this callback in a set of them.
    var bit: UInt64 { 1 << UInt64(rawValue) }

    /// What modules, logs and metrics know it by.
    package var name: String {
        switch self {
        case .checkEventForSpam: "check_event_for_spam"
        case .shouldDropFederatedEvent: "should_drop_federated_event"
        case .userMaySendStateEvent: "user_may_send_state_event"
        case .userMayJoinRoom: "user_may_join_room"
        case .userMayInvite: "user_may_invite"
        case .federatedUserMayInvite: "federated_user_may_invite"
        case .userMaySendThreepidInvite: "user_may_send_3pid_invite"
        case .userMayCreateRoom: "user_may_create_room"
        case .userMayCreateRoomAlias: "user_may_create_room_alias"
        case .userMayPublishRoom: "user_may_publish_room"
        case .checkUsernameForSpam: "check_username_for_spam"
        case .checkRegistrationForSpam: "check_registration_for_spam"
        case .checkLoginForSpam: "check_login_for_spam"
        case .checkMediaFileForSpam: "check_media_file_for_spam"
        case .checkEventAllowed: "check_event_allowed"
        case .onCreateRoom: "on_create_room"
        case .checkThreepidCanBeInvited: "check_threepid_can_be_invited"
        case .checkVisibilityCanBeModified: "check_visibility_can_be_modified"
        case .onNewEvent: "on_new_event"
        case .checkCanShutdownRoom: "check_can_shutdown_room"
        case .checkCanDeactivateUser: "check_can_deactivate_user"
        case .onProfileUpdate: "on_profile_update"
        case .onUserDeactivationStatusChanged: "on_user_deactivation_status_changed"
        case .onAddUserThirdPartyIdentifier: "on_add_user_third_party_identifier"
        case .onRemoveUserThirdPartyIdentifier: "on_remove_user_third_party_identifier"
        case .onThreepidBind: "on_threepid_bind"
        case .getUsersForStates: "get_users_for_states"
        case .getInterestedUsers: "get_interested_users"
        case .isUserExpired: "is_user_expired"
        case .onUserRegistration: "on_user_registration"
        case .onUserLogin: "on_user_login"
        case .onLegacySendMail: "on_legacy_send_mail"
        case .onLegacyRenew: "on_legacy_renew"
        case .onLegacyAdminRequest: "on_legacy_admin_request"
        case .authChecker: "auth_checkers"
        case .checkThreepidAuth: "check_3pid_auth"
        case .loginCallback: "login_callback"
        case .onLoggedOut: "on_logged_out"
        case .isThreepidAllowed: "is_3pid_allowed"
        case .getUsernameForRegistration: "get_username_for_registration"
        case .getDisplayNameForRegistration: "get_displayname_for_registration"
        case .onAccountDataUpdated: "on_account_data_updated"
        case .onBackgroundUpdate: "on_update"
        case .defaultBatchSize: "default_batch_size"
        case .minimumBatchSize: "min_batch_size"
        case .getMediaConfigForUser: "get_media_config_for_user"
        case .isUserAllowedToUploadMediaOfSize: "is_user_allowed_to_upload_media_of_size"
        case .getMediaUploadLimitsForUser: "get_media_upload_limits_for_user"
        case .onMediaUploadLimitExceeded: "on_media_upload_limit_exceeded"
        case .getRatelimitOverrideForUser: "get_ratelimit_override_for_user"
        case .addFieldToUnsigned: "add_field_to_unsigned_callback"
        case .onEventDeliveredOverFederation: "on_event_delivered_over_federation"
        }
    }
}

/// How one call of a module's callback ended.
package enum CallbackOutcome: String, Sendable, CaseIterable {
    /// It answered, and did not deny.
    case ok
    /// It denied, or threw a `MatrixError`, which is how a callback denies in its own words.
    case denied
    /// It threw anything else.
    case failed
    /// It did not answer in time.
    case timedOut = "timed_out"
}

/// One call of a module's callback, for the metrics.
package struct CallbackTiming: Sendable {
    package let module: String
    package let callback: ModuleCallback
    package let outcome: CallbackOutcome
    /// From the call to the answer, waiting included.
    package let duration: Duration
}
