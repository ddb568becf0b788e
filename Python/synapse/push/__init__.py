"""Push notifications, which the server sends."""
