"""Front end of the emulator: hosts, sign-in, web pages, WebSockets."""
