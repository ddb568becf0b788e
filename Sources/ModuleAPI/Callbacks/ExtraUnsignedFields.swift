public import MatrixCore

/// Callbacks that add to what clients are told of an event: Synapse's [callbacks for extra fields in
/// `unsigned`](https://element-hq.github.io/synapse/latest/modules/add_extra_fields_to_client_events_unsigned.html).
public struct ExtraUnsignedFields: Sendable {
    /// Further fields for an event's `unsigned`, `add_field_to_unsigned_callback` (Synapse 1.96).
    ///
    /// Called for every event that goes to a client, once per event and answer; keep it quick. All modules are asked; of
    /// two with the same field the later one wins, and the server's own fields win over modules'. An error fails the
    /// request.
    public typealias AddFields = @Sendable (_ event: Event) async throws -> JSONObject

    public var addFieldToUnsigned: AddFields?

    public init(addFieldToUnsigned: AddFields? = nil) { self.addFieldToUnsigned = addFieldToUnsigned }
}
