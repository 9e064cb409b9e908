"""Where the files of the image store lie: a folder of this machine, or a bucket that several machines share."""
