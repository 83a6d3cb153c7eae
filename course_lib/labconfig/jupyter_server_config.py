"""JupyterLab's server as `course lab` starts it: a moved slider reaches the kernel at once."""

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class LowLatencyConnection(ZMQChannelsWebsocketConnection):
    """A kernel's websocket without Nagle's algorithm, which holds small messages back for some 30 ms."""

    def connect(self):
        self.websocket_handler.set_nodelay(True)
        return super().connect()


c = get_config()  # noqa: F821 - Jupyter defines it
c.ServerApp.kernel_websocket_connection_class = LowLatencyConnection
