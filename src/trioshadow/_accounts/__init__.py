"""What stays (promise 4): where each call is entered once, and the way of its record to the log and the sinks."""
