from .device_cache import DeviceCache as DeviceCache
from .graphs import CaptureError as CaptureError, Graphs as Graphs, recorder as recorder
from .static_buffers import StaticTrainLoop as StaticTrainLoop, WorkRecorder as WorkRecorder
from .streams import Streams as Streams, new_stream as new_stream, wait_until_idle as wait_until_idle
